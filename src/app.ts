import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { errorCodes, type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config.ts'
import { consoleRoutes } from './console/index.ts'
import { Refusal } from './inbox/admission/refusal.ts'
import { webhookRoutes } from './inbox/route.ts'
import { loggerOptions } from './logger.ts'
import { backlogPlugin } from './plugins/backlog.ts'
import { closePlugin } from './plugins/close.ts'
import { countsPlugin } from './plugins/counts.ts'
import { databasePlugin } from './plugins/database.ts'
import { healthPlugin } from './plugins/health.ts'
import { jobsPlugin } from './plugins/jobs.ts'
import { metricsPlugin } from './plugins/metrics.ts'
import { processorsPlugin } from './plugins/processors.ts'
import { redisPlugin } from './plugins/redis.ts'
import { troublePlugin } from './plugins/trouble.ts'
import { upkeepPlugin } from './plugins/upkeep.ts'
import { createProviders } from './providers/index.ts'

export interface AppOptions {
  /** The time all rules go by; the system's unless a test says otherwise. */
  clock?: () => Date
  /** Where log lines go; standard output unless a test says otherwise. */
  logStream?: { write: (line: string) => void }
  /** Whether push services on this machine are allowed: a test has no others. No setting can switch it on. */
  pushToThisMachine?: boolean
}

/** The whole service, not yet listening. Closing it stops everything it started. */
export const buildApp = async (config: Config, options: AppOptions = {}): Promise<FastifyInstance> => {
  const clock = options.clock ?? (() => new Date())
  const app = Fastify({
    ...SENDER_LIMITS,
    logger: {
      ...loggerOptions(config.LOG_LEVEL),
      ...(options.logStream === undefined ? {} : { stream: options.logStream }),
    },
    // One line per outcome is written where the outcome is known.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: config.TRUST_PROXY,
    // While closing, a request on a kept connection is answered by the routes: 503 with Retry-After.
    return503OnClosing: false,
    clientErrorHandler: answerNoHttp,
  })
  const providers = createProviders(config)

  app.setErrorHandler((error: Error & { code?: string; statusCode?: number }, request, reply) => {
    // Node accepts one connection in a turn of the event loop, and answers one request of each open connection. Who is
    // refused must queue again, or a flood on open connections keeps the others' from being accepted. What is still
    // sending would lose the answer.
    if ((error.statusCode ?? 500) < 500 && request.raw.complete) reply.header('connection', 'close')
    if (error instanceof Refusal) {
      if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter))
      return reply.code(error.statusCode).send(error)
    }
    const statusCode = error.statusCode ?? 500
    if (statusCode >= 500) {
      request.log.error({ err: error }, 'request failed')
      return reply.code(500).send(new Error('Internal error'))
    }
    return reply.code(statusCode).send(error)
  })

  // The shape of every other error, a code included.
  app.setNotFoundHandler(async () => {
    throw new errorCodes.FST_ERR_NOT_FOUND()
  })

  await app.register(troublePlugin)
  await app.register(closePlugin)
  await app.register(metricsPlugin, { config })
  await app.register(databasePlugin, { config })
  await app.register(countsPlugin, { clock })
  await app.register(redisPlugin, { config })
  await app.register(jobsPlugin, { config, pushToThisMachine: options.pushToThisMachine ?? false })
  await app.register(processorsPlugin, { config, providers, clock })
  await app.register(upkeepPlugin, { config, clock })
  await app.register(backlogPlugin, { providers, clock })
  await app.register(healthPlugin)
  await app.register(webhookRoutes, { config, providers, clock })
  await app.register(consoleRoutes, { config, clock })

  const unconfigured = providers.filter((provider) => !provider.configured).map((provider) => provider.name)
  if (unconfigured.length > 0) {
    app.log.warn({ providers: unconfigured }, 'no key is configured: deliveries of these providers get 503')
  }
  return app
}

/** What Node's parser makes of a request before there is one, by the code of its error. */
const PARSER_ANSWERS: Record<string, [statusCode: number, code: string, message: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'WEBHOOK_MALFORMED', 'The request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, 'WEBHOOK_TOO_LARGE', 'The headers are too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'WEBHOOK_TOO_LARGE', 'The chunk extensions are too large'],
}

/** Answers what is no HTTP in the shape of every other error, a code included, and ends the connection. */
const answerNoHttp = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [statusCode, code, message] = PARSER_ANSWERS[error.code ?? ''] ?? [
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

/**
 * Time-outs on slow senders, in milliseconds. Node swaps the two limits when the headers' is the longer one, and
 * enforces neither more often than the checking interval. `requestTimeout` must let a 40 MiB mail through;
 * `connectionTimeout` is silence on the socket, the time a handler takes included.
 */
const SENDER_LIMITS = {
  requestTimeout: 120_000,
  connectionTimeout: 30_000,
  keepAliveTimeout: 10_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 },
}
