import type { FastifyReply, FastifyRequest } from 'fastify'
import type pg from 'pg'
import { storableText } from '../db/storable.ts'
import type { Operator } from '../operations/audit.ts'
import type { Pause } from '../operations/pauses.ts'
import type { ConsoleRole } from './access.ts'
import type { Content } from './html.ts'
import type { Section } from './layout.ts'
import { readReason } from './reason.ts'

/** What the console's pages work with. */
export interface ConsoleContext {
  /** Few connections and short statements, so that nothing here can keep deliveries or batches waiting. */
  pool: pg.Pool
  clock: () => Date
  /** The types that the providers are known to send, to choose from. */
  eventTypes: string[]
  /** Answers with a page. */
  show: (reply: FastifyReply, page: { title: string; section?: Section; body: Content }) => FastifyReply
  /** Whether what events change is kept with them. */
  keepsChanges: boolean
  /** Tells the processors that there is work. */
  wake: () => void
}

/** A page that is not there, answered by the console's error handler. */
export class NotFound extends Error {
  override name = 'NotFound'
  readonly statusCode = 404
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What the password of this request allows. */
    consoleRole: ConsoleRole | null
    /** Who is logged in. */
    consoleUser: string
    /** What is paused now; null when it was not looked up. */
    pauses: Pause[] | null
  }
}

/** Whether the person who asks may change something. If not, pages leave their forms out. */
export const mayChange = ({ consoleRole }: FastifyRequest): boolean => consoleRole === 'operator'

/** Who changes something, from a form that says why. @throws with status 400 when the form holds no reason. */
export const operatorOf = (request: FastifyRequest): Operator => ({
  operator: request.consoleUser,
  via: 'console',
  reason: readReason(request.body),
})

const MAX_NAME = 100

/**
 * The name that a trusted proxy gives, else the one of the login.
 * @param named the value of `CONSOLE_USER_HEADER`, when it comes from a trusted proxy.
 */
export const userOf = (request: FastifyRequest, named: string | undefined): string => {
  const [, credentials = ''] = (request.headers.authorization ?? '').split(' ')
  const [login = ''] = Buffer.from(credentials, 'base64').toString('utf8').split(':')
  // Node reads headers as Latin-1; proxies write UTF-8.
  const given = named === undefined ? '' : Buffer.from(named, 'latin1').toString('utf8').trim()
  return storableText(given || login.trim(), MAX_NAME) || 'unnamed'
}
