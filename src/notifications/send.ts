import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { Config } from '../config.ts'
import type { Channel } from './queue-names.ts'
import type { NotificationData, NotificationJob } from './queues.ts'

export interface SenderOptions {
  config: Config
  log: FastifyBaseLogger
  pool: pg.Pool
  /** Tests have no other push service than one on this machine. */
  pushToThisMachine: boolean
}

/** What a worker did with a job. */
export type Sent =
  | 'sent'
  | 'not_configured'
  /** It became other jobs. */
  | 'passed_on'

/**
 * Sends one notification. Resolves with `not_configured` when its channel has no settings.
 * @throws {PermanentError} when trying again is useless; any other error is retried.
 */
export type Send<C extends Channel> = (
  data: NotificationData[C],
  signal: AbortSignal,
  job: Pick<NotificationJob, 'key' | 'event' | 'alert'>,
) => Promise<Sent>

/** An error that trying again will not change. */
export class PermanentError extends Error {
  override name = 'PermanentError'
}
