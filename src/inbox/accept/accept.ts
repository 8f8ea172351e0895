import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type pg from 'pg'
import type { Metrics } from '../../metrics.ts'
import type { Looked, ProcessedKeys } from '../../processed-keys/processed-keys.ts'
import { Refusal } from '../admission/refusal.ts'
import type { Counts } from '../counts.ts'
import type { Identity, Provider, Verified } from '../provider.ts'
import { createGrouped } from './grouped.ts'
import { keptHeaders } from './headers.ts'
import { isReplayed, type NewDelivery, type Stored, storeDeliveries } from './store.ts'

/** The answer to a delivery whose events are all durable. */
export type Accepted =
  | { status: 'ok'; accepted: number; duplicates: number }
  /** Every event was there already. `processed_at` is the latest time, null while any is not processed. */
  | { status: 'duplicate'; processed_at: string | null }

export interface AcceptOptions {
  pool: pg.Pool
  processedKeys: ProcessedKeys
  metrics: Metrics
  counts: Counts
  /** Called after the commit of a delivery. */
  onQueued: () => void
}

/** A verified delivery, on its way into the inbox. */
export interface Arrived extends Verified {
  headers: IncomingHttpHeaders
  receivedAt: Date
}

/** How long the look-up in Redis may take, in milliseconds. */
const LOOK_UP_WITHIN = 300
/** A look-up takes less time than waiting for the one before it. */
const LOOK_UPS_AT_ONCE = 8
/** Bounds the parameters of one statement, and with them its memory and its time. */
const EVENTS_PER_STATEMENT = 2_000
const BYTES_PER_STATEMENT = 1024 * 1024
/** With at least this many bytes waiting, a second statement starts beside a running one; fewer wait for it to end. */
const BYTES_WORTH_A_STATEMENT = 16 * 1024

/**
 * Makes deliveries of one provider durable. Those that arrive together share one look into Redis and one statement.
 *
 * @returns a function from a verified delivery to the answer; it throws a {@link Refusal} when it cannot be made
 * durable by `until`, a time of `performance.now()`.
 */
export const createAccept = (provider: Provider, options: AcceptOptions) => {
  const { pool, processedKeys, metrics, counts } = options

  const look = createGrouped<string[], Looked>({
    run: async (items) => {
      const { times, complete } = await processedKeys.find(items.flat())
      let next = 0
      return items.map((ids) => {
        const from = next
        next += ids.length
        return { times: times.slice(from, next), complete }
      })
    },
    weigh: (ids) => ids.length,
    most: EVENTS_PER_STATEMENT,
    concurrency: LOOK_UPS_AT_ONCE,
    enough: 1,
    timedOut: () => new Error('Redis did not answer in time'),
  })

  const store = createGrouped<NewDelivery, Stored>({
    run: async (deliveries) => {
      const stored = await storeDeliveries(pool, provider.name, deliveries)
      if (stored.some(({ queued }) => queued)) options.onQueued()
      return stored
    },
    weigh: ({ body }) => body.length,
    most: BYTES_PER_STATEMENT,
    concurrency: 2,
    enough: BYTES_WORTH_A_STATEMENT,
    timedOut: () => new Refusal('unavailable', 'The events could not be stored in time; try again later'),
  })

  const storeUntil = async (delivery: NewDelivery, until: number): Promise<Stored> => {
    try {
      return await store(delivery, until - performance.now())
    } catch (error) {
      if (error instanceof Refusal) throw error
      throw new Refusal('unavailable', 'The events cannot be stored now; try again later', { cause: error })
    }
  }

  /** Duplicates in deliveries that are not stored are counted here, the others when they are processed. */
  const countDuplicates = (by: number): void => {
    metrics.count('duplicates', by, { provider: provider.name })
    counts.add(provider.name, 'duplicate', by)
  }

  return async (
    { body, events, copies = 0, headers, receivedAt }: Arrived,
    until: number,
  ): Promise<Accepted> => {
    const eventCount = events.length + copies
    if (eventCount === 0) return { status: 'ok', accepted: 0, duplicates: 0 }
    const ids = events.map(({ eventId }) => eventId)
    const looked = provider.redisMayAnswer
      ? await look(ids, LOOK_UP_WITHIN).catch(() => undefined)
      : undefined
    const times = looked?.times.filter((time) => time !== null) ?? []
    if (times.length === events.length) {
      countDuplicates(eventCount)
      return duplicate(times.map((time) => Date.parse(time)))
    }
    const missed = events.filter((_, n) => typeof looked?.times[n] !== 'string')
    const stored = await storeUntil(
      {
        receivedAt,
        headers: keptHeaders(headers),
        eventCount,
        body,
        bodyHash: hash('sha256', hashed(body, missed[0]), 'buffer'),
        source: 'delivery',
        identity: provider.singleEvents ? missed[0] : undefined,
        // What Redis does not know is new, provided that it has seen everything for as long as it remembers.
        asked: looked?.complete ? [] : missed,
      },
      until,
    )
    if (provider.signsOnlyEventId) await refuseReplayed(missed[0], stored)
    const known = stored.known.filter((event) => event !== undefined)
    // Of a delivery that is in the queue already all events are known.
    const accepted = stored.queued ? missed.length - known.length : 0
    if (!stored.queued) countDuplicates(eventCount)
    if (accepted > 0) return { status: 'ok', accepted, duplicates: eventCount - accepted }
    if (known.length < missed.length) return { status: 'duplicate', processed_at: null }
    return duplicate([
      ...times.map((time) => Date.parse(time)),
      ...known.map(({ processedAt }) => processedAt?.getTime() ?? Number.NaN),
    ])
  }

  /** Mails are told apart by all their bytes, also by those that are not kept. */
  function hashed(body: Buffer, event: Identity | undefined): Buffer {
    if (!provider.signsOnlyEventId || event === undefined) return body
    return Buffer.from(event.eventId + event.dedupeKey)
  }

  async function refuseReplayed(event: Identity | undefined, { queued, known }: Stored): Promise<void> {
    if (event === undefined) return
    const [found] = known
    const replayed =
      found === undefined
        ? !queued && (await isReplayed(pool, provider.name, event))
        : found.eventId === event.eventId && found.dedupeKey !== event.dedupeKey
    if (replayed) throw new Refusal('replayed', 'This signature was used for another message')
  }
}

const duplicate = (times: number[]): Accepted => {
  const latest = times.reduce((a, b) => Math.max(a, b))
  return { status: 'duplicate', processed_at: Number.isNaN(latest) ? null : new Date(latest).toISOString() }
}
