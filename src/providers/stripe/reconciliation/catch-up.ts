import { hash } from 'node:crypto'
import type pg from 'pg'
import type Stripe from 'stripe'
import { type NewDelivery, storeDeliveries } from '../../../inbox/accept/store.ts'
import type { Identity } from '../../../inbox/provider.ts'
import { readEvent } from '../events.ts'
import { HANDLED_TYPES } from '../reading.ts'

/** Days for which Stripe lists an event. */
export const DAYS_KEPT = 30
/** The most that Stripe gives in one page. */
const PAGE = 100

/** How far a catch-up is, or how it ended. */
export interface CaughtUp {
  /** Events that Stripe listed. */
  listed: number
  /** Those of them that the inbox lacked. */
  accepted: number
  /** `created` of the last one listed, which is the oldest; null while nothing is listed. */
  reached: Date | null
}

/**
 * Adds the events that the inbox lacks, page by page, newest first. They are queued like delivered ones, marked as not
 * signed. What one run has accepted stays, and the next run treats it as known.
 *
 * @param progress called after every page.
 * @throws a `StripeError` when Stripe does not answer, and the database's errors.
 */
export const catchUp = async (
  stripe: Stripe,
  pool: pg.Pool,
  since: Date,
  { clock, progress }: { clock: () => Date; progress: (soFar: CaughtUp) => void },
): Promise<CaughtUp> => {
  const state: CaughtUp = { listed: 0, accepted: 0, reached: null }
  let page: Stripe.Event[] = []
  const accept = async () => {
    const receivedAt = clock()
    const events = page.map((event) => readEvent(event, receivedAt))
    const deliveries = page.map((event, n) => toDelivery(event, events[n] as Identity, receivedAt))
    const stored = await storeDeliveries(pool, 'stripe', deliveries)
    state.accepted += stored.filter(({ queued, known }) => queued && known[0] === undefined).length
    state.listed += page.length
    state.reached = events.at(-1)?.occurredAt ?? state.reached
    page = []
    progress({ ...state })
  }
  const events = stripe.events.list({
    types: HANDLED_TYPES, // Stripe takes 20 at most
    created: { gte: Math.floor(since.getTime() / 1_000) },
    limit: PAGE,
  })
  for await (const event of events) {
    page.push(event)
    if (page.length === PAGE) await accept()
  }
  if (page.length > 0) await accept()
  return state
}

/** A fetched event, as if it had been delivered, but marked. */
const toDelivery = (event: Stripe.Event, { eventId, dedupeKey }: Identity, receivedAt: Date): NewDelivery => {
  const body = Buffer.from(JSON.stringify(event))
  const identity = { eventId, dedupeKey }
  return {
    receivedAt,
    headers: JSON.stringify({ source: 'catch-up' }),
    eventCount: 1,
    body,
    bodyHash: hash('sha256', body, 'buffer'),
    identity,
    source: 'catch-up',
    asked: [identity],
  }
}
