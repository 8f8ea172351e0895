import { and, gte, lt, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { minuteCounts, webhookEvents, webhookQueue } from '../db/schema.ts'
import { REFUSALS } from '../inbox/admission/refusal.ts'
import { PROVIDER_NAMES, type ProviderName, providers } from '../providers/index.ts'
import { type AcceptedDeliveries, countDeliveries } from './count-deliveries.ts'
import { listMarks, type Mark } from './marks.ts'
import { listPutOff, type PutOffDelivery, putOff } from './put-off.ts'

/** What an outage did to one provider's deliveries, as far as the inbox can tell. */
export interface ProviderOutage {
  provider: ProviderName
  /** Deliveries that were accepted in that time. */
  accepted: AcceptedDeliveries
  /** Deliveries answered with 503 in that time, including those whose signature was not checked. */
  unavailable: number
  /** Those of them whose signature was not checked, so that the sender is unknown. */
  unverified: number
  /** Signed deliveries among them, each counted once however often it was tried. */
  signed: number
  /** Signed ones that were accepted after all, and between which times. */
  cameAgain: { deliveries: number; firstAt: Date | null; lastAt: Date | null }
  /** Signed ones that have not come again, with their events. */
  missing: { deliveries: number; events: number; firstAt: Date | null }
  /** When the last event that had come by the end of that time was applied; null while there are others. */
  drainedAt: Date | null
  /** Events that came by then and are not applied yet. */
  pending: number
  /** Until when the provider tries again by itself; null when it has given up the first of them. */
  retriesUntil: Date | null
}

export interface OutageReport {
  from: Date
  to: Date
  providers: ProviderOutage[]
  /** The first signed deliveries that got 503, one by one; `more` says that there are others. */
  putOff: PutOffDelivery[]
  more: boolean
  /** What the service noted about itself in that time and an hour around it. */
  marks: Mark[]
}

const HOUR = 3_600_000
const MAX_LISTED = 200
const OURS = Object.entries(REFUSALS).flatMap(([reason, { statusCode }]) =>
  statusCode === 503 ? [reason] : [],
)

/**
 * What came in a stretch of time, what got 503, and whether that came again.
 * @param now used to tell whether the providers may still try.
 */
export const outageReport = async (
  pool: pg.Pool,
  { from, to, now }: { from: Date; to: Date; now: Date },
): Promise<OutageReport> => {
  const [refused, put, drained, marks, listed, accepted] = await Promise.all([
    unavailable(pool, from, to),
    putOff(pool, from, to),
    drain(pool, to),
    listMarks(pool, new Date(from.getTime() - HOUR), new Date(to.getTime() + HOUR)),
    listPutOff(pool, { from, to }, MAX_LISTED),
    countDeliveries(pool, PROVIDER_NAMES, { from, to }),
  ])
  const outages = PROVIDER_NAMES.map((provider, n): ProviderOutage => {
    const of = put.find((one) => one.provider === provider)
    const state = drained.find((one) => one.provider === provider)
    const firstAt = of?.firstMissingAt ?? null
    const until =
      firstAt === null ? null : new Date(firstAt.getTime() + providers[provider].retryHours * HOUR)
    return {
      provider,
      accepted: accepted[n] ?? { deliveries: 0, events: 0, more: false },
      unavailable: refused.get(provider) ?? 0,
      unverified: Math.max(0, (refused.get(provider) ?? 0) - (of?.tries ?? 0)),
      signed: of?.signed ?? 0,
      cameAgain: {
        deliveries: of?.cameAgain ?? 0,
        firstAt: of?.firstAgainAt ?? null,
        lastAt: of?.lastAgainAt ?? null,
      },
      missing: { deliveries: of?.missing ?? 0, events: of?.missingEvents ?? 0, firstAt },
      drainedAt: state?.drainedAt ?? null,
      pending: state?.pending ?? 0,
      retriesUntil: until !== null && until > now ? until : null,
    }
  })
  return { from, to, providers: outages, ...listed, marks }
}

const unavailable = async (pool: pg.Pool, from: Date, to: Date): Promise<Map<string, number>> => {
  const { provider, count, minute, outcome, reason } = minuteCounts
  const rows = await queryBuilder(pool)
    .select({ provider, count: sql<number>`sum(${count})::float8` })
    .from(minuteCounts)
    .where(
      and(
        gte(minute, new Date(Math.floor(from.getTime() / 60_000) * 60_000)),
        lt(minute, to),
        sql`${outcome} = 'refused' and ${reason} = any(${sql.param(OURS)}::text[])`,
      ),
    )
    .groupBy(provider)
  return new Map(rows.map((row) => [row.provider, row.count]))
}

/** Of the events that arrived in the day before `to`: when the last was applied, and how many are not. */
const drain = async (pool: pg.Pool, to: Date): Promise<Drained[]> => {
  const { provider, receivedAt, processedAt, status } = webhookEvents
  const since = new Date(to.getTime() - 24 * HOUR)
  const db = queryBuilder(pool)
  const [events, queued] = await Promise.all([
    db
      .select({
        provider,
        drainedAt: sql<Date | null>`max(${processedAt})`.mapWith(processedAt),
        pending: sql<number>`(count(*) filter (where ${status} = 'pending'))::int`,
      })
      .from(webhookEvents)
      .where(
        and(
          gte(receivedAt, since),
          lt(receivedAt, to),
          sql`${status} in ('pending', 'processed', 'ignored')`,
        ),
      )
      .groupBy(provider),
    db
      .select({
        provider: webhookQueue.provider,
        pending: sql<number>`sum(${webhookQueue.eventCount} - ${webhookQueue.nextPosition})::int`,
      })
      .from(webhookQueue)
      .where(lt(webhookQueue.receivedAt, to))
      .groupBy(webhookQueue.provider),
  ])
  return PROVIDER_NAMES.map((name) => {
    const of = events.find((one) => one.provider === name)
    const pending = (of?.pending ?? 0) + (queued.find((one) => one.provider === name)?.pending ?? 0)
    return { provider: name, drainedAt: pending === 0 ? (of?.drainedAt ?? null) : null, pending }
  })
}

interface Drained {
  provider: string
  drainedAt: Date | null
  pending: number
}
