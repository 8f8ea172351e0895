import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { createAccept } from './accept.ts'
import type { Provider } from './provider.ts'
import { Refusal } from './refusal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of this request that count against the budget of bodies in memory. */
    heldBytes: number
  }
}

/** Bodies in memory at once, in bytes, over all providers. More is refused: nothing is queued without a bound. */
const HELD_LIMIT = 64 * 1024 * 1024
const budget = (limit = HELD_LIMIT) => ({ held: 0, limit })
type Budget = ReturnType<typeof budget>

/** Mounts the providers' routes: read the raw body, verify, accept, answer. */
export const webhookRoutes = async (
  app: FastifyInstance,
  options: { config: Config; providers: Provider[]; clock: () => Date },
): Promise<void> => {
  app.decorateRequest('heldBytes', 0)
  const bodies = budget()
  for (const provider of options.providers) {
    // A scope of its own: raw bodies and body limits are this route's affair alone.
    await app.register(async (scope) => mount(scope, provider, options.clock, bodies))
  }
}

const mount = (scope: FastifyInstance, provider: Provider, clock: () => Date, bodies: Budget): void => {
  const accept = createAccept(provider, {
    pool: scope.database.accept,
    processedKeys: scope.processedKeys,
    metrics: scope.metrics,
    counts: scope.counts,
    clock,
    onPending: () => scope.processors.wake(provider.name),
  })

  scope.removeAllContentTypeParsers()
  if (provider.readBodies === undefined) {
    scope.addContentTypeParser(provider.mediaTypes, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
  } else provider.readBodies(scope)
  const ownBodies = budget(provider.heldLimit)

  scope.addHook('onRequest', async (request, reply) => {
    try {
      if (scope.closing()) throw new Refusal('unavailable', 'Shutting down; try again', { retryAfter: 1 })
      if (!provider.configured) {
        throw new Refusal('not_configured', `The key of ${provider.name} is not configured`, {
          retryAfter: 60,
        })
      }
      provider.precheck?.(request.headers)
      hold(request, provider.bodyLimit, [bodies, ownBodies])
    } catch (error) {
      // The body is not read: the connection cannot be used again.
      reply.header('connection', 'close')
      throw error
    }
  })
  scope.addHook('onResponse', async (request, reply) => {
    for (const one of [bodies, ownBodies]) one.held -= request.heldBytes
    scope.metrics.distribution('ack_time', reply.elapsedTime, { provider: provider.name })
  })

  scope.post(
    provider.path,
    {
      bodyLimit: provider.bodyLimit,
      errorHandler: (error, request) => {
        const refusal = toRefusal(error, provider)
        scope.metrics.count('rejected', 1, { provider: provider.name, reason: refusal.reason })
        scope.counts.add(provider.name, 'refused', 1, refusal.reason)
        const line = { provider: provider.name, reason: refusal.reason, status: refusal.statusCode }
        if (refusal.statusCode === 503) request.log.warn({ ...line, err: refusal.cause }, 'delivery refused')
        else request.log.info(line, 'delivery refused')
        throw refusal // answered by the app's error handler
      },
    },
    async (request) => {
      const receivedAt = clock()
      const delivery = { body: request.body ?? Buffer.alloc(0), headers: request.headers, receivedAt }
      const accepted = await accept(provider.verify(delivery), receivedAt)
      const duplicates = accepted.status === 'ok' ? accepted.duplicates : 'all'
      if (duplicates !== 0) request.log.info({ provider: provider.name, duplicates }, 'already processed')
      return accepted
    },
  )
}

/** Takes the request's bytes out of the budgets until it is answered. @throws {Refusal} `overloaded` */
const hold = (request: FastifyRequest, bodyLimit: number, budgets: Budget[]): void => {
  const announced = Number(request.headers['content-length'] ?? bodyLimit)
  const bytes = Math.min(Number.isFinite(announced) ? announced : bodyLimit, bodyLimit)
  if (budgets.some(({ held, limit }) => held + bytes > limit)) {
    throw new Refusal('overloaded', 'Too many deliveries at once; try again later')
  }
  for (const one of budgets) one.held += bytes
  request.heldBytes = bytes
}

const mebibytes = (bytes: number) => `${bytes / 1024 / 1024} MiB`

/** Every error of a webhook route as the answer the contract knows. */
const toRefusal = (error: Error & { code?: string; statusCode?: number }, provider: Provider): Refusal => {
  if (error instanceof Refusal) return error
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Refusal('too_large', `Body too large, at most ${mebibytes(provider.bodyLimit)}`)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Refusal('media_type', `Unsupported media type, expected ${provider.mediaTypes.join(' or ')}`)
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Refusal('malformed', 'The body is not as long as its Content-Length says')
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new Refusal('malformed', 'Malformed request')
  }
  // A mistake of ours. The provider must try again, so it is a 503 all the same.
  return new Refusal('unavailable', 'The delivery cannot be handled now; try again later', { cause: error })
}
