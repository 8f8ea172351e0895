import { createPublicKey } from 'node:crypto'
import Fastify, { LogController } from 'fastify'
import { Refusal } from '../../src/inbox/admission/refusal.ts'
import { verifySignature } from '../../src/providers/sendgrid/verify.ts'
import type { SendgridEvent } from './effects.ts'

/** The HTTP half of a peer: raw body, the same signature check as the service's, JSON. */
export const receive = async (accept: (events: SendgridEvent[]) => Promise<void>) => {
  const keys = [
    createPublicKey({
      key: Buffer.from(process.env.SENDGRID_WEBHOOK_KEY ?? '', 'base64'),
      format: 'der',
      type: 'spki',
    }),
  ]
  const app = Fastify({
    logger: true,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 5 * 1024 * 1024,
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof Refusal ? error.statusCode : 500).send(error),
  )
  app.post('/webhooks/sendgrid', async (request) => {
    const body = request.body as Buffer
    verifySignature(
      { body, headers: request.headers, receivedAt: new Date() },
      { keys, scheme: 'ecdsa', maxAge: 25 * 3_600, maxFuture: 300 },
    )
    await accept(JSON.parse(body.toString('utf8')))
    return { status: 'ok' }
  })
  await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
  return app
}

/** Closes what is open when the process is told to stop. */
export const closeOnSigterm = (...close: (() => Promise<unknown>)[]): void => {
  process.once('SIGTERM', () => {
    void Promise.all(close.map((each) => each())).finally(() => process.exit(0))
  })
}
