import type { FastifyBaseLogger } from 'fastify'
import type { Metrics } from '../../plugins/metrics.ts'
import type { Counts } from '../counts.ts'
import type { ProcessedKeys } from '../processed-keys.ts'
import type { ProviderName } from '../provider.ts'
import type { Outcome } from './batch.ts'
import type { Claim, Ending } from './claim.ts'
import type { SeldomLines } from './seldom-lines.ts'

/** A transaction that is committed, and what there is to tell of it. */
export interface Committed {
  claims: Claim[]
  outcome: Outcome
  processedAt: Date
}

/** Points of `lag` per batch: enough for percentiles, without a packet for each of thousands of events. */
const LAG_POINTS = 32

/** After the commit: the Redis keys, the metrics and the log lines. Never throws. */
export const reportCommitted = async (
  provider: ProviderName,
  { claims, outcome, processedAt }: Committed,
  startedAt: number,
  {
    processedKeys,
    metrics,
    counts,
    seldomLines,
    log,
    clock,
  }: {
    processedKeys: ProcessedKeys
    metrics: Metrics
    counts: Counts
    seldomLines: SeldomLines
    log: FastifyBaseLogger
    clock: () => Date
  },
): Promise<void> => {
  const statusOf = (id: string): Ending['status'] | 'processed' =>
    outcome.endings.get(id)?.status ?? 'processed'
  const ended = claims.filter(({ event }) => statusOf(event.id) !== 'pending')
  const done = ended.filter(({ event }) => statusOf(event.id) !== 'skipped')
  await processedKeys.add(
    provider,
    done.map(({ event }) => event),
    processedAt,
  )

  for (const [type, ofType] of Map.groupBy(ended, ({ event }) => event.eventType)) {
    metrics.count('received', ofType.length, { provider, event_type: type, status: 'success' })
    const skipped = ofType.filter(({ event }) => statusOf(event.id) === 'skipped').length
    if (skipped > 0) metrics.count('skipped', skipped, { provider, event_type: type })
  }
  for (const [status, ofStatus] of Map.groupBy(ended, ({ event }) => statusOf(event.id))) {
    if (status !== 'pending') counts.add(provider, status, ofStatus.length)
  }
  for (const { why } of outcome.misunderstood) {
    metrics.count('misunderstood', 1, { provider, reason: why.reason })
  }
  const took = performance.now() - startedAt
  metrics.distribution('processing_time', took, { provider })
  const now = clock().getTime()
  const step = Math.ceil(done.length / LAG_POINTS)
  for (let i = 0; i < done.length; i += step) {
    const receivedAt = done[i]?.event.receivedAt
    if (receivedAt !== undefined) metrics.distribution('lag', now - receivedAt.getTime(), { provider })
  }

  for (const { level, message, event, details } of outcome.lines) {
    log[level]({ provider, eventType: event.eventType, eventId: event.eventId, ...details }, message)
  }
  for (const [message, lines] of Map.groupBy(outcome.counted, (line) => line.message)) {
    seldomLines.add(
      provider,
      message,
      lines.map(({ event }) => event),
    )
  }
  const waiting = claims.length - ended.length
  log.debug({ provider, events: claims.length, waiting, ms: Math.round(took) }, 'batch applied')
}
