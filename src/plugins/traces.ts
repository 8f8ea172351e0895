import fp from 'fastify-plugin'
import type { Traces } from '../traces.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined unless OpenTelemetry is on. */
    traces: Traces | undefined
    /** What a delivery is kept with, so that its processing can be linked to it: `traceparent`. */
    traceHeaders: (request: FastifyRequest) => Record<string, string>
  }
}

/** Milliseconds: a collector that is away must not delay the shutdown. */
const CLOSE_WITHIN = 1_000

/** Whether the usual variables of OpenTelemetry say where traces go. */
export const tracesAreWanted = (env: NodeJS.ProcessEnv): boolean =>
  env.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' &&
  env.OTEL_TRACES_EXPORTER !== 'none' &&
  [env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, env.OTEL_TRACES_EXPORTER].some(
    Boolean,
  )

/** Traces by OpenTelemetry, which is loaded only when it is switched on. */
export const tracesPlugin = fp<{ wanted: boolean }>(
  async (app, { wanted }) => {
    app.decorate('traces', undefined)
    app.decorate('traceHeaders', () => ({}))
    if (!wanted) return
    const [{ NodeSDK }, { FastifyOtelInstrumentation }, { createTraces }] = await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@fastify/otel'),
      import('../traces.ts'),
    ])
    const sdk = new NodeSDK({ serviceName: process.env.OTEL_SERVICE_NAME ?? 'roleferry-webhooks' })
    sdk.start()
    await app.register(new FastifyOtelInstrumentation({ instrumentHooks: false }).plugin())
    app.traces = createTraces(app.database.upkeep)
    app.traceHeaders = (request) => {
      const headers: Record<string, string> = {}
      request.opentelemetry().inject(headers)
      return headers.traceparent === undefined ? {} : { traceparent: headers.traceparent }
    }
    app.addHook('onClose', async () => {
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN).unref())
      await Promise.race([
        sdk
          .shutdown()
          .catch((error) =>
            app.log.warn({ err: error }, 'some traces could not be sent before the shutdown'),
          ),
        late,
      ])
    })
  },
  { name: 'traces', dependencies: ['database'] },
)
