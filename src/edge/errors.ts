import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../inbox/admission/refusal.ts'

/**
 * Every error's answer, `{statusCode, code, error, message}`. Only a refusal says more than its status: messages of the
 * framework repeat what was sent, and those of our own failures show internals.
 */
export const answerError = (
  error: Error & Partial<FastifyError>,
  request: FastifyRequest,
  reply: FastifyReply,
) => {
  const statusCode = error.statusCode ?? 500
  // In a turn of the event loop Node accepts one connection and answers one request of each open one. So a refused
  // sender has to open a new connection; otherwise a flood on open ones would keep new ones from being accepted.
  if (error instanceof Refusal ? error.closes : statusCode < 500) reply.header('connection', 'close')
  if (error instanceof Refusal) {
    if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter))
    return reply.code(statusCode).send(error)
  }
  if (statusCode >= 500) {
    request.log.error({ err: error }, 'request failed')
    return reply.code(500).send(new Error('Internal error'))
  }
  return reply.code(statusCode).send(plain(statusCode, error.code))
}

/** An error of the framework without the parts of the request that it repeats. */
const plain = (statusCode: number, code: string | undefined) =>
  Object.assign(new Error(STATUS_CODES[statusCode] ?? 'Refused'), {
    statusCode,
    ...(code === undefined ? {} : { code }),
  })
