import type { FastifyReply, FastifyRequest } from 'fastify'
import type pg from 'pg'
import { storableText } from '../inbox/storable.ts'
import type { Content } from './html.ts'
import type { Section } from './layout.ts'

/** What the console's pages work with. */
export interface ConsoleContext {
  /** Few connections and short statements, so that nothing here can keep deliveries or batches waiting. */
  pool: pg.Pool
  clock: () => Date
  /** Answers with a page. */
  show: (reply: FastifyReply, page: { title: string; section?: Section; body: Content }) => FastifyReply
  /** Tells the processors that there is work. */
  wake: () => void
}

/** A page that is not there, answered by the console's error handler. */
export class NotFound extends Error {
  override name = 'NotFound'
  readonly statusCode = 404
}

const MAX_NAME = 100

/** The name that the operator logged in with. */
export const operatorOf = (request: FastifyRequest): string => {
  const [, credentials = ''] = (request.headers.authorization ?? '').split(' ')
  const [name = ''] = Buffer.from(credentials, 'base64').toString('utf8').split(':')
  return storableText(name.trim(), MAX_NAME) || 'unnamed'
}
