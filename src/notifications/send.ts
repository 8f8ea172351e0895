import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { Config } from '../config.ts'
import type { Channel, NotificationData } from './queues.ts'

export interface SenderOptions {
  config: Config
  log: FastifyBaseLogger
  pool: pg.Pool
}

/**
 * Sends one notification. Resolves with `not_configured` when its channel has no settings.
 * @throws {PermanentError} when trying again is of no use; any other error is retried.
 */
export type Send<C extends Channel> = (
  data: NotificationData[C],
  signal: AbortSignal,
) => Promise<'sent' | 'not_configured'>

/** What the receiving side will refuse every time. */
export class PermanentError extends Error {
  override name = 'PermanentError'
}
