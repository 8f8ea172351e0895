import type pg from 'pg'
import { codeOf } from '../../db/transaction.ts'
import type { Metrics } from '../../plugins/metrics.ts'
import { Refusal } from '../admission/refusal.ts'
import type { Counts } from '../counts.ts'
import type { ProcessedKeys } from '../processed-keys.ts'
import type { IncomingEvent, Provider } from '../provider.ts'
import { createGrouped } from './grouped.ts'
import { insertRows, lookUp, type NewRow, type StoredEvent } from './store.ts'

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
  clock: () => Date
  /** Called after the commit when there is work for the provider's processor. */
  onPending: () => void
}

/** How long Redis may take to say what it knows, in milliseconds. */
const LOOK_UP_WITHIN = 300
/** Bounds the parameter of one insert, and with it the memory and the time of a statement. */
const EVENTS_PER_STATEMENT = 2_000
/** So many make an insert of their own while another is under way; fewer wait for it. */
const EVENTS_WORTH_A_STATEMENT = 500

/** SQLSTATE classes that blame a value, not the moment: data exceptions and program limits. */
const DATA_ERROR = /^(22|54)/

/**
 * Makes deliveries of one provider durable. Those that arrive together share one look into Redis and one insert.
 *
 * @returns a function from verified events to the answer; it throws a {@link Refusal} when they cannot be made
 * durable `until` then, a time of `performance.now()`.
 */
export const createAccept = (provider: Provider, options: AcceptOptions) => {
  const { pool, processedKeys, metrics, counts } = options

  const findKnown = createGrouped<string[], (string | null)[]>({
    run: async (items) => {
      const times = await processedKeys.find(items.flat())
      let next = 0
      return items.map((ids) => {
        const from = next
        next += ids.length
        return { status: 'fulfilled', value: times.slice(from, next) }
      })
    },
    weigh: (ids) => ids.length,
    most: EVENTS_PER_STATEMENT,
    concurrency: 1,
    enough: 1,
    timedOut: () => new Error('Redis did not answer in time'),
  })

  /** Resolves with the events that were there before, as the inbox holds them. */
  const store = createGrouped<NewRow[], Duplicate[]>({
    run: async (items) => {
      const rows = items.flat()
      const inserted = await insertAll(rows)
      reportEnded(rows, inserted)
      // The same event may be there several times, in one delivery or in two: the first is the new one.
      const remaining = new Set(inserted)
      const met = items.map((item) => item.filter(({ event }) => !remaining.delete(event.dedupeKey)))
      const stored = met.some((item) => item.length > 0)
        ? await lookUp(
            pool,
            provider.name,
            met.flat().map((row) => row.event),
            options.clock(),
          )
        : []
      if (stored.some((row) => row.revived) || rows.some((row) => row.status === 'pending'))
        options.onPending()
      const find = finder(stored)
      return met.map((item) => ({
        status: 'fulfilled',
        value: item.map(({ event }) => find(event)),
      }))
    },
    weigh: (rows) => rows.length,
    most: EVENTS_PER_STATEMENT,
    concurrency: 2,
    enough: EVENTS_WORTH_A_STATEMENT,
    timedOut: () => new Refusal('unavailable', 'The events could not be stored in time; try again later'),
  })

  /** An event that Postgres refuses for what it holds must not cost its neighbours: it is kept without its payload. */
  const insertAll = async (rows: NewRow[]): Promise<Set<string>> => {
    try {
      return await insertRows(pool, provider.name, rows)
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined || !DATA_ERROR.test(code)) throw error
      const [only] = rows
      if (rows.length === 1 && only !== undefined) {
        const unusable = `Postgres refused the payload (${code})`
        const event = { ...only.event, subject: null, payload: '{}', unusable }
        return await insertRows(pool, provider.name, [{ ...only, event, status: 'skipped' }])
      }
      const middle = rows.length >> 1
      return (await insertAll(rows.slice(0, middle))).union(await insertAll(rows.slice(middle)))
    }
  }

  /** Events that end with their acceptance are told of here, the others when they are processed. */
  const reportEnded = (rows: NewRow[], inserted: Set<string>): void => {
    const ended = rows.filter(({ event, status }) => status !== 'pending' && inserted.has(event.dedupeKey))
    for (const [eventType, ofType] of Map.groupBy(ended, ({ event }) => event.eventType)) {
      const tags = { provider: provider.name, event_type: eventType }
      metrics.count('received', ofType.length, { ...tags, status: 'success' })
      const skipped = ofType.filter(({ status }) => status === 'skipped').length
      if (skipped > 0) metrics.count('skipped', skipped, tags)
      counts.add(provider.name, 'skipped', skipped)
      counts.add(provider.name, 'ignored', ofType.length - skipped)
    }
    const ignored = ended.filter(({ status }) => status === 'ignored')
    for (const [receivedAt, ofDelivery] of Map.groupBy(ignored, (row) => row.receivedAt)) {
      void processedKeys.add(
        provider.name,
        ofDelivery.map(({ event }) => ({ eventId: event.eventId, receivedAt })),
        receivedAt,
      )
    }
  }

  const toRow = (event: IncomingEvent, receivedAt: Date): NewRow => {
    // An unknown type is looked at when it is processed: its alert is requested in that transaction.
    const ignored = provider.knows(event.eventType) && !provider.handles(event.eventType)
    return { event, status: ignored ? 'ignored' : 'pending', receivedAt }
  }

  return async (events: IncomingEvent[], receivedAt: Date, until: number): Promise<Accepted> => {
    if (events.length === 0) return { status: 'ok', accepted: 0, duplicates: 0 }
    const known = provider.redisMayAnswer
      ? await findKnown(
          events.map((event) => event.eventId),
          LOOK_UP_WITHIN,
        ).catch(() => [])
      : []
    const rows = events.filter((_, index) => typeof known[index] !== 'string')
    let duplicates: Duplicate[] = []
    if (rows.length > 0) {
      try {
        const newRows = rows.map((event) => toRow(event, receivedAt))
        duplicates = await store(newRows, until - performance.now())
      } catch (error) {
        if (error instanceof Refusal) throw error
        throw new Refusal('unavailable', 'The events cannot be stored now; try again later', { cause: error })
      }
    }
    if (provider.signsOnlyEventId) refuseReplayed(duplicates)
    const seen = events.length - rows.length + duplicates.length
    if (seen > 0) metrics.count('duplicates', seen, { provider: provider.name })
    counts.add(provider.name, 'duplicate', seen)
    if (seen < events.length) return { status: 'ok', accepted: events.length - seen, duplicates: seen }
    const times = [
      ...known.filter((time) => typeof time === 'string').map((time) => Date.parse(time)),
      ...duplicates.map(({ stored }) => stored?.processedAt?.getTime() ?? Number.NaN),
    ]
    const latest = times.reduce((a, b) => Math.max(a, b))
    return { status: 'duplicate', processed_at: Number.isNaN(latest) ? null : new Date(latest).toISOString() }
  }
}

interface Duplicate {
  event: IncomingEvent
  stored: StoredEvent | undefined
  /** Its id was seen before with another message. */
  replayed: boolean
}

const finder = (stored: StoredEvent[]) => {
  const byDedupeKey = new Map(stored.map((row) => [row.dedupeKey, row]))
  const byEventId = new Map(stored.map((row) => [row.eventId, row]))
  return (event: IncomingEvent): Duplicate => {
    const sameId = byEventId.get(event.eventId)
    return {
      event,
      stored: byDedupeKey.get(event.dedupeKey) ?? sameId,
      replayed: sameId !== undefined && sameId.dedupeKey !== event.dedupeKey,
    }
  }
}

const refuseReplayed = (duplicates: Duplicate[]): void => {
  if (duplicates.some(({ replayed }) => replayed)) {
    throw new Refusal('replayed', 'This signature was used for another message')
  }
}
