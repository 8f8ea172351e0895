import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Refusal } from '../inbox/admission/refusal.ts'

/** The answers to what Node's parser cannot read as a request, by the code of its error. */
const ANSWERS: Record<string, Refusal> = {
  HPE_HEADER_OVERFLOW: new Refusal('too_large', 'The headers are too large', { statusCode: 431 }),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Refusal('too_large', 'The chunk extensions are too large'),
}
const MALFORMED = new Refusal('malformed', 'Malformed request')

/**
 * Answers bytes that are not HTTP in the shape of every other error, code included, and ends the connection. Complete
 * requests that came before them on the connection are answered first: a delivery that was stored must not get the 400
 * that belongs to what came after it.
 *
 * @param unanswered the answers that complete requests are still waiting for.
 * @param late what a request that did not arrive in time is refused with.
 */
export const answerNoHttp = (
  error: Error & { code?: string },
  socket: Socket,
  unanswered: Iterable<ServerResponse>,
  late: () => Refusal,
): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const refusal =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? late() : (ANSWERS[error.code ?? ''] ?? MALFORMED)
  const owed = [...unanswered]
  const last = owed.at(-1)
  if (last === undefined) answer(refusal, socket)
  else {
    last.once('finish', () => {
      // Its own answer may have closed the connection.
      if (socket.writable) answer(refusal, socket)
    })
  }
}

const answer = ({ statusCode, code, message, retryAfter }: Refusal, socket: Socket): void => {
  const reason = STATUS_CODES[statusCode] ?? ''
  const body = JSON.stringify({ statusCode, code, error: reason, message })
  socket.end(
    `HTTP/1.1 ${statusCode} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      (retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`) +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  socket.destroySoon()
}
