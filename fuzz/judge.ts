import type { FuzzCase } from './case.ts'
import type { Answer } from './wire.ts'

/** Statuses that a sender may get, whatever it sent. No 406: Mailgun would drop the mail for good. */
const ALLOWED = new Set([200, 400, 401, 404, 405, 408, 411, 413, 414, 415, 417, 431, 503])
/** Statuses for a signed and complete request. */
const ALLOWED_SIGNED = new Set([200, 400, 413, 503])

/** Longer than any message of this service, so it might be an echo. */
const LONGEST_ERROR = 500
const INTERNALS = /node_modules|\.ts:\d|ECONN|at \w+ \(|insert into|select |pg_|webhook_events/

const codeOf = (body: string): unknown => {
  try {
    return JSON.parse(body).code
  } catch {
    return undefined
  }
}

/** What is wrong with an answer; undefined when it keeps the contract. */
export const judge = ({ kind, owed, bytes }: FuzzCase, answer: Answer): string | undefined => {
  const { status, headers, body, closed } = answer
  if (status === undefined) {
    // A large body may still be on its way when the connection is closed, and then the answer is lost.
    if (!owed || (closed && bytes.length > 60_000)) return undefined
    return closed ? 'the connection was closed without an answer' : 'no answer'
  }
  if (kind === 'forged' && status === 200) return 'a forged delivery was accepted'
  if (status === 503) {
    if (!/^retry-after: *\d/im.test(headers)) return '503 without Retry-After'
    // Postgres and Redis are there, so the service has caught a bug of its own.
    if (codeOf(body) !== 'WEBHOOK_OVERLOADED') return `503: ${body}`
  }
  if (!ALLOWED.has(status)) return `answered ${status}`
  if (kind === 'signed' && !ALLOWED_SIGNED.has(status))
    return `a signed delivery was answered ${status}: ${body}`
  // None to HEAD.
  if (status >= 400 && headers.includes('application/json') && body !== '') {
    if (body.length > LONGEST_ERROR) return `an answer of ${body.length} characters`
    if (INTERNALS.test(body)) return `internals in the answer: ${body}`
    if (codeOf(body) === undefined) return `an error without a code: ${body}`
  }
  return undefined
}
