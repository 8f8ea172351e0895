import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { StatusClass } from '../metrics.ts'
import { senderNetwork } from '../sender-network.ts'
import { type Accepted, createAccept } from './accept/accept.ts'
import { guardBody, isKeptAfter } from './admission/body-guard.ts'
import { watchStart } from './admission/body-start.ts'
import { DECIDED_WITHIN } from './admission/deadline.ts'
import { createHeldBodies, type Hold } from './admission/held-bodies.ts'
import { createPaced } from './admission/paced.ts'
import { overloaded, Refusal } from './admission/refusal.ts'
import type { Provider, Verified } from './provider.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What this delivery holds in memory; null before it is let in. */
    hold: Hold | null
    /** The delivery once it is verified; null before. */
    verified: Verified | null
    /** What has arrived so far of the start of its body; null before it is read. */
    bodyStart: (() => Buffer) | null
  }
}

/** The memory that an event takes besides its text, in bytes: tiny events take much more than their length. */
const EVENT_COST = 512

/** Log lines a minute for refused deliveries of one provider and reason; one further line counts the rest. */
const REFUSALS_LOGGED = 20
/**
 * Limits for verifying and reading deliveries, in milliseconds: per turn of the event loop, and how long a delivery
 * waits.
 */
const WORK = { perTurn: 5, maxWait: 2_000 }

/** Mounts the providers' routes: read the raw body, verify, accept, answer. */
export const webhookRoutes = async (
  app: FastifyInstance,
  options: { providers: Provider[]; clock: () => Date },
): Promise<void> => {
  app.decorateRequest('hold', null)
  app.decorateRequest('bodyStart', null)
  app.decorateRequest('verified', null)
  const paced = createPaced({
    ...WORK,
    accepted: app.acceptedConnections,
    tooLate: overloaded,
  })
  for (const provider of options.providers) {
    // A scope of its own: raw bodies and body limits apply to this route only.
    await app.register(async (scope) => mount(scope, provider, options.clock, paced))
  }
}

const mount = (
  scope: FastifyInstance,
  provider: Provider,
  clock: () => Date,
  paced: ReturnType<typeof createPaced>,
): void => {
  const openHold = createHeldBodies(provider.bodyLimit)
  const accept = createAccept(provider, {
    pool: scope.database.accept,
    processedKeys: scope.processedKeys,
    metrics: scope.metrics,
    counts: scope.counts,
    onQueued: () => scope.processors.wake(provider.name),
  })

  scope.removeAllContentTypeParsers()
  if (provider.readBodies === undefined) {
    scope.addContentTypeParser(provider.mediaTypes, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
  } else provider.readBodies(scope)

  scope.addHook('onRequest', async (request, reply) => {
    try {
      if (!provider.configured) {
        throw new Refusal('not_configured', `The key of ${provider.name} is not configured`, {
          retryAfter: 60,
        })
      }
      provider.precheck?.(request.headers)
      const hold = openHold(senderNetwork(request.ip, request.socket.remoteAddress))
      hold.assertFits(Math.min(announcedBytes(request) ?? 0, provider.bodyLimit))
      request.hold = hold
      // Not onResponse: Fastify calls that only for answers, and a sender may vanish before it gets one.
      reply.raw.once('close', () => request.hold?.release())
    } catch (error) {
      const statusCode = error instanceof Refusal ? error.statusCode : 500
      const left = announcedBytes(request) ?? provider.bodyLimit
      if (!isKeptAfter(statusCode, left)) reply.header('connection', 'close')
      throw error
    }
  })
  scope.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.hold !== null) {
      const announced = announcedBytes(request) ?? provider.bodyLimit
      guardBody(request.raw, request.hold, { kept: provider.bodyLimit, announced }, scope.lateness)
      request.bodyStart = watchStart(request.raw)
    }
    done(null, payload)
  })
  scope.addHook('onResponse', (_request, reply, done) => {
    scope.metrics.distribution('ack_time', reply.elapsedTime, { provider: provider.name })
    scope.metrics.count('answers', 1, { provider: provider.name, status: statusClass(reply.statusCode) })
    done()
  })

  scope.post(
    provider.path,
    {
      bodyLimit: provider.bodyLimit,
      errorHandler: (error, request) => {
        const refusal = toRefusal(error, provider)
        scope.metrics.count('rejected', 1, { provider: provider.name, reason: refusal.reason })
        scope.counts.add(provider.name, 'refused', 1, refusal.reason)
        scope.refused.keep(request, provider, refusal)
        const line = { provider: provider.name, reason: refusal.reason, status: refusal.statusCode }
        // Our own faults share one cause and one line; of senders' mistakes the first few get a line each.
        const ours = refusal.statusCode === 503
        scope.trouble.report(
          { reqId: request.id, ...line, ...(refusal.cause === undefined ? {} : { err: refusal.cause }) },
          'delivery refused',
          {
            of: `${provider.name} ${refusal.reason}`,
            first: ours ? 1 : REFUSALS_LOGGED,
            level: ours ? 'warn' : 'info',
          },
        )
        throw refusal // answered by the app's error handler
      },
    },
    async (request) => {
      // From here on what is held counts until it is stored: a sender that is gone does not end that work.
      const { hold } = request
      request.hold = null
      const receivedAt = clock()
      const until = performance.now() + DECIDED_WITHIN
      const delivery = { body: request.body ?? Buffer.alloc(0), headers: request.headers, receivedAt }
      let accepted: Accepted
      scope.underWay.begin()
      try {
        // Only now: a refusal before the body is read can be lost when the connection is reset.
        if (scope.closing()) throw new Refusal('unavailable', 'Shutting down; try again', { retryAfter: 1 })
        const verified = await paced(() => provider.verify(delivery), { urgent: hold?.known() ?? false })
        request.verified = verified
        hold?.trust()
        hold?.add((verified.events.length + (verified.copies ?? 0)) * EVENT_COST)
        const headers = { ...request.headers, ...scope.traceHeaders(request), 'x-request-id': request.id }
        accepted = await accept({ ...verified, headers, receivedAt }, until)
      } finally {
        hold?.release()
        scope.underWay.end()
      }
      const duplicates = accepted.status === 'ok' ? accepted.duplicates : 'all'
      if (duplicates !== 0) request.log.info({ provider: provider.name, duplicates }, 'already processed')
      return accepted
    },
  )
}

const statusClass = (statusCode: number): StatusClass => {
  if (statusCode < 400) return '2xx'
  return statusCode < 500 ? '4xx' : '5xx'
}

const announcedBytes = ({ headers }: FastifyRequest): number | undefined =>
  headers['content-length'] === undefined ? undefined : Number(headers['content-length'])

const mebibytes = (bytes: number) => `${bytes / 1024 / 1024} MiB`

/** Turns every error of a webhook route into an answer of the contract. */
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
  // A bug of this service. It is still a 503, so that the provider tries again.
  return new Refusal('unavailable', 'The delivery cannot be handled now; try again later', { cause: error })
}
