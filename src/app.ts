import Fastify, { errorCodes, type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config.ts'
import { consoleRoutes } from './console/index.ts'
import { answerError } from './edge/errors.ts'
import { answerNoHttp } from './edge/no-http.ts'
import { routable } from './edge/paths.ts'
import { createConnections, edgePlugin } from './edge/plugin.ts'
import { requestId } from './edge/request-id.ts'
import { createLateness } from './inbox/admission/lateness.ts'
import { webhookRoutes } from './inbox/route.ts'
import { loggerOptions } from './logger.ts'
import { backlogPlugin } from './plugins/backlog.ts'
import { closePlugin } from './plugins/close.ts'
import { countsPlugin } from './plugins/counts.ts'
import { databasePlugin } from './plugins/database.ts'
import { healthPlugin } from './plugins/health.ts'
import { jobsPlugin } from './plugins/jobs.ts'
import { marksPlugin } from './plugins/marks.ts'
import { metricsPlugin } from './plugins/metrics.ts'
import { processorsPlugin } from './plugins/processors.ts'
import { redisPlugin } from './plugins/redis.ts'
import { refusedPlugin } from './plugins/refused.ts'
import { tracesPlugin } from './plugins/traces.ts'
import { troublePlugin } from './plugins/trouble.ts'
import { upkeepPlugin } from './plugins/upkeep.ts'
import { createProviders } from './providers/index.ts'

export interface AppOptions {
  /** The clock of all rules: the system's, unless a test passes another. */
  clock?: () => Date
  /** Where log lines go: standard output, unless a test passes another stream. */
  logStream?: { write: (line: string) => void }
  /** Whether push services on this machine are allowed: a test has no others. No setting can switch it on. */
  pushToThisMachine?: boolean
  /** Whether traces are sent, as the `OTEL_` variables say. */
  traces?: boolean
}

/** The whole service, not yet listening. Closing it stops everything it started. */
export const buildApp = async (config: Config, options: AppOptions = {}): Promise<FastifyInstance> => {
  const clock = options.clock ?? (() => new Date())
  const connections = createConnections()
  const lateness = createLateness()
  const app = Fastify({
    ...SENDER_LIMITS,
    logger: {
      ...loggerOptions(config.LOG_LEVEL),
      ...(options.logStream === undefined ? {} : { stream: options.logStream }),
    },
    // One line per outcome is written where the outcome is known.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: config.TRUST_PROXY,
    genReqId: requestId,
    // While closing, a request on a kept connection is answered by the routes: 503 with Retry-After.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      connections.breakOff(socket)
      const late = () => lateness.refusal('request', SENDER_LIMITS.http.headersTimeout)
      answerNoHttp(error, socket, connections.owed(socket), late)
    },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    rewriteUrl: ({ url = '/' }) => routable(url),
  })
  const providers = await createProviders(config)

  app.setErrorHandler(answerError)
  // The shape of every other error, a code included.
  app.setNotFoundHandler(async () => {
    throw new errorCodes.FST_ERR_NOT_FOUND()
  })

  await app.register(troublePlugin)
  await app.register(closePlugin)
  await app.register(edgePlugin, { connections, lateness })
  await app.register(metricsPlugin, { config, providers })
  await app.register(databasePlugin, { config })
  await app.register(tracesPlugin, { wanted: options.traces ?? false })
  await app.register(countsPlugin, { clock })
  await app.register(refusedPlugin, { config, clock })
  await app.register(marksPlugin, { config, clock })
  await app.register(redisPlugin, { config })
  await app.register(jobsPlugin, { config, pushToThisMachine: options.pushToThisMachine ?? false })
  await app.register(processorsPlugin, { config, providers, clock })
  await app.register(upkeepPlugin, { config, clock })
  await app.register(backlogPlugin, { providers, clock })
  await app.register(healthPlugin)
  await app.register(webhookRoutes, { providers, clock })
  await app.register(consoleRoutes, { config, providers, clock })

  const unconfigured = providers.filter((provider) => !provider.configured).map((provider) => provider.name)
  if (unconfigured.length > 0) {
    app.log.warn({ providers: unconfigured }, 'no key is configured: deliveries of these providers get 503')
  }
  return app
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
