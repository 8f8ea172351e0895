import fp from 'fastify-plugin'
import { StatsD } from 'hot-shots'
import type { Config } from '../config.ts'
import type { RefusalReason } from '../inbox/admission/refusal.ts'
import type { MisunderstandingReason, Provider } from '../inbox/provider.ts'

/** How an attempt or a notification ended, or the class of an answer's status. */
type Status = 'success' | 'error' | StatusClass
export type StatusClass = '2xx' | '4xx' | '5xx'

/** Every metric this service emits, below the prefix `roleferry.webhooks.`, with its type and tags. */
export const METRICS = {
  /** One per attempt that ended (processed, ignored, skipped: success) or failed (error). */
  received: { type: 'count', tags: ['provider', 'event_type', 'status'] },
  /** One per failed attempt. */
  errors: { type: 'count', tags: ['provider', 'event_type', 'status'] },
  duplicates: { type: 'count', tags: ['provider'] },
  /** Answered deliveries. */
  answers: { type: 'count', tags: ['provider', 'status'] },
  /** Refused deliveries. */
  rejected: { type: 'count', tags: ['provider', 'reason'] },
  skipped: { type: 'count', tags: ['provider', 'event_type'] },
  dead: { type: 'count', tags: ['provider', 'event_type'] },
  /** Events that no rule understands: see `Misunderstanding`. */
  misunderstood: { type: 'count', tags: ['provider', 'reason'] },
  /** Milliseconds from the first header to the answer. */
  ack_time: { type: 'distribution', tags: ['provider'] },
  /** Milliseconds a batch took. */
  processing_time: { type: 'distribution', tags: ['provider'] },
  /** Milliseconds from arrival to effect. */
  lag: { type: 'distribution', tags: ['provider'] },
  /** Events that are due and not yet processed. */
  backlog: { type: 'gauge', tags: ['provider'] },
  /** Seconds since the oldest of them became due. */
  backlog_age: { type: 'gauge', tags: ['provider'] },
  notifications: { type: 'count', tags: ['channel', 'status'] },
} as const

export const METRIC_PREFIX = 'roleferry.webhooks.'

interface TagValues {
  provider: string
  /** A type the provider is not known to send is tagged `other`. */
  event_type: string
  status: Status
  reason: RefusalReason | MisunderstandingReason
  channel: 'slack' | 'email' | 'push'
}

type Name = keyof typeof METRICS
type NameOf<Type> = { [N in Name]: (typeof METRICS)[N]['type'] extends Type ? N : never }[Name]
type TagsOf<N extends Name> = Pick<TagValues, (typeof METRICS)[N]['tags'][number] & keyof TagValues>

export interface Metrics {
  count: <N extends NameOf<'count'>>(name: N, by: number, tags: TagsOf<N>) => void
  distribution: <N extends NameOf<'distribution'>>(name: N, value: number, tags: TagsOf<N>) => void
  gauge: <N extends NameOf<'gauge'>>(name: N, value: number, tags: TagsOf<N>) => void
}

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
