import type { FastifyBaseLogger } from 'fastify'
import type { EventStatus } from '../../db/schema.ts'
import type { Metrics } from '../../metrics.ts'
import type { ProcessedKeys } from '../../processed-keys/processed-keys.ts'
import type { Trouble } from '../../trouble.ts'
import type { Counts } from '../counts.ts'
import type { ClaimedEvent } from '../provider.ts'
import type { Attempt, Failure } from './apply.ts'
import type { Outcome } from './batch.ts'

/** An event of a batch, with its status unless its handler said otherwise. */
export interface HandledEvent {
  event: ClaimedEvent
  status: EventStatus
  /** Nothing is sent about it. */
  isOldNews: boolean
}

/** A transaction that is committed, and what there is to report of it. */
export interface Committed {
  events: HandledEvent[]
  outcome: Outcome
  failures: Failure[]
  /** Events of deliveries that were known before, and copies. */
  duplicates: number
  processedAt: Date
}

export interface ReportOptions {
  processedKeys: ProcessedKeys
  metrics: Metrics
  counts: Counts
  trouble: Pick<Trouble, 'report'>
  log: FastifyBaseLogger
  clock: () => Date
}

/** The statuses in which nothing is left to do. */
type Ended = Exclude<EventStatus, 'pending'>

/** Points of `lag` per batch: enough for percentiles, without a packet for each of thousands of events. */
const LAG_POINTS = 32

/** After the commit: the Redis keys, the metrics and the log lines. Never throws. */
export const reportCommitted = async (
  provider: string,
  { events, outcome, failures, duplicates, processedAt }: Committed,
  startedAt: number,
  options: ReportOptions,
): Promise<void> => {
  const { processedKeys, metrics, counts, trouble, log, clock } = options
  const failed = new Set(failures.map(({ event }) => event.rowId))
  const done: ClaimedEvent[] = []
  /** How many ended in each status, by type. */
  const ended = new Map<string, Map<Ended, number>>()
  let pending = 0
  for (const { event, status: entered } of events) {
    const status = outcome.endings.get(event.rowId)?.status ?? entered
    if (status === 'pending' || failed.has(event.rowId)) {
      pending++
      continue
    }
    if (status === 'processed' || status === 'ignored') done.push(event)
    const ofType = ended.get(event.eventType) ?? new Map<Ended, number>()
    ended.set(event.eventType, ofType.set(status, (ofType.get(status) ?? 0) + 1))
  }
  await processedKeys.add(provider, done, processedAt)

  for (const [type, ofType] of ended) {
    const tags = { provider, event_type: type }
    let received = 0
    for (const [status, count] of ofType) {
      counts.add(provider, status, count)
      if (status !== 'dead') received += count
      if (status === 'dead' || status === 'skipped') metrics.count(status, count, tags)
    }
    if (received > 0) metrics.count('received', received, { ...tags, status: 'success' })
  }
  for (const { why } of outcome.misunderstood) {
    metrics.count('misunderstood', 1, { provider, reason: why.reason })
  }
  if (duplicates > 0) metrics.count('duplicates', duplicates, { provider })
  counts.add(provider, 'duplicate', duplicates)
  const took = performance.now() - startedAt
  metrics.distribution('processing_time', took, { provider })
  const now = clock().getTime()
  const step = Math.ceil(done.length / LAG_POINTS)
  for (let i = 0; i < done.length; i += step) {
    const receivedAt = done[i]?.receivedAt
    if (receivedAt !== undefined) metrics.distribution('lag', now - receivedAt.getTime(), { provider })
  }

  for (const { level, message, event, details } of outcome.lines) {
    log[level]({ provider, eventType: event.eventType, eventId: event.eventId, ...details }, message)
  }
  for (const [message, lines] of Map.groupBy(outcome.counted, (line) => line.message)) {
    const eventId = lines.at(-1)?.event.eventId
    trouble.report({ provider, eventId }, message, { of: provider, events: lines.length })
  }
  for (const failure of failures) reportFailure(provider, failure, options)
  log.debug({ provider, events: events.length, pending, ms: Math.round(took) }, 'batch applied')
}

/** An attempt that failed and is counted. */
export const reportFailure = (
  provider: string,
  { event, error, nextAttemptAt }: Failure<Attempt>,
  { metrics, counts, log }: ReportOptions,
): void => {
  const { eventType, eventId, attempts } = event
  const tags = { provider, event_type: eventType }
  metrics.count('received', 1, { ...tags, status: 'error' })
  metrics.count('errors', 1, { ...tags, status: 'error' })
  counts.add(provider, nextAttemptAt === null ? 'dead' : 'failed', 1)
  const line = { provider, eventType, eventId, attempts, err: error }
  if (nextAttemptAt === null) {
    metrics.count('dead', 1, tags)
    log.error(line, 'dead: failed on every attempt')
  } else log.error({ ...line, nextAttemptAt }, 'attempt failed')
}
