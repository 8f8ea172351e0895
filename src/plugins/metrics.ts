import fp from 'fastify-plugin'
import { StatsD } from 'hot-shots'
import type { Config } from '../config.ts'
import type { Provider } from '../inbox/provider.ts'
import { METRIC_PREFIX, type Metrics, type TagValues } from '../metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** DogStatsD over UDP, buffered: an agent that is away costs nothing, an unresolvable host one look-up a flush. */
export const metricsPlugin = fp<{ config: Config; providers: Pick<Provider, 'name' | 'eventTypes'>[] }>(
  async (app, { config, providers }) => {
    const client = new StatsD({
      host: config.DD_AGENT_HOST,
      port: config.DD_DOGSTATSD_PORT,
      prefix: METRIC_PREFIX,
      maxBufferSize: 1_400,
      includeDatadogTelemetry: false,
      globalTags: {
        service: config.DD_SERVICE,
        ...(config.DD_ENV === undefined ? {} : { env: config.DD_ENV }),
        ...(config.DD_VERSION === undefined ? {} : { version: config.DD_VERSION }),
      },
      errorHandler: (error) => {
        app.trouble.report({ err: error }, 'metrics cannot be sent')
      },
    })
    const eventTypes = new Map(providers.map(({ name, eventTypes }) => [name, eventTypes]))
    /** Tag values come from closed lists: whatever a sender invents would be billed as a metric of its own. */
    const closed = (tags: Partial<TagValues>): Record<string, string> => {
      const { event_type: type, provider = '' } = tags
      return type === undefined || eventTypes.get(provider)?.has(type)
        ? tags
        : { ...tags, event_type: 'other' }
    }
    app.decorate('metrics', {
      count: (name, by, tags) => client.increment(name, by, closed(tags)),
      distribution: (name, value, tags) => client.distribution(name, value, closed(tags)),
      gauge: (name, value, tags) => client.gauge(name, value, closed(tags)),
    })
    app.addHook('onClose', async () => {
      await new Promise<void>((resolve) => client.close(() => resolve()))
    })
  },
  { name: 'metrics', dependencies: ['trouble'] },
)
