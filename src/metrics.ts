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

export interface TagValues {
  provider: string
  /** A type the provider is not known to send is tagged `other`. */
  event_type: string
  status: Status
  /** Of a refusal, or of what was not understood. */
  reason: string
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
