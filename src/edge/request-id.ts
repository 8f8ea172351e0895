import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * The id of a request: the proxy's `X-Request-Id` where it has the form of one, else a new one. It is in the log as `reqId`
 * and kept with the delivery's headers, so that a log line leads to the delivery and its events, on every replica.
 */
export const requestId = ({ headers }: Pick<IncomingMessage, 'headers'>): string => {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{8,100}$/.test(given) ? given : randomUUID()
}
