import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/** The answers to what Node's parser cannot read as a request, by the code of its error. */
const ANSWERS: Record<string, [statusCode: number, code: string, message: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'WEBHOOK_MALFORMED', 'The request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, 'WEBHOOK_TOO_LARGE', 'The headers are too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'WEBHOOK_TOO_LARGE', 'The chunk extensions are too large'],
}

/**
 * Answers bytes that are not HTTP in the shape of every other error, code included, and ends the connection. Complete
 * requests that came before them on the connection are answered first: a delivery that was stored must not get the 400
 * that belongs to what came after it.
 *
 * @param unanswered the answers that complete requests are still waiting for.
 */
export const answerNoHttp = (
  error: Error & { code?: string },
  socket: Socket,
  unanswered: Iterable<ServerResponse>,
): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const owed = [...unanswered]
  const last = owed.at(-1)
  if (last === undefined) answer(error, socket)
  else {
    last.once('finish', () => {
      // Its own answer may have closed the connection.
      if (socket.writable) answer(error, socket)
    })
  }
}

const answer = (error: Error & { code?: string }, socket: Socket): void => {
  const [statusCode, code, message] = ANSWERS[error.code ?? ''] ?? [
    400,
    'WEBHOOK_MALFORMED',
    'Malformed request',
  ]
  const reason = STATUS_CODES[statusCode] ?? ''
  const body = JSON.stringify({ statusCode, code, error: reason, message })
  socket.end(
    `HTTP/1.1 ${statusCode} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  socket.destroySoon()
}
