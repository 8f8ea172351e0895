import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { isOfFact } from '../db/index-keys.ts'
import { queryBuilder } from '../db/query-builder.ts'
import { deferredDeliveries, webhookEvents, webhookQueue } from '../db/schema.ts'

/** Signed deliveries of a provider that got 503, and whether they came again. */
export interface PutOff {
  provider: string
  /** Answers with 503 to them. */
  tries: number
  /** Deliveries, each counted once however often it was tried. */
  signed: number
  cameAgain: number
  firstAgainAt: Date | null
  lastAgainAt: Date | null
  missing: number
  missingEvents: number
  firstMissingAt: Date | null
}

/** A signed delivery that got 503. */
export interface PutOffDelivery {
  provider: string
  /** When it got 503 first. */
  at: Date
  tries: number
  events: number
  /** When it was accepted; null while it is missing. */
  cameAgainAt: Date | null
  /** The row that it, or its first event, is in now. */
  deliveryId: string | null
}

/** A delivery is identified by its first event, by which the inbox shows whether it came again. */
const found = (from: Date, to: Date) => {
  const { provider, dedupeKey, deferredAt, eventCount } = deferredDeliveries
  return sql`
    with put as (
      select ${provider} as provider, ${dedupeKey} as key, min(${deferredAt}) as at, max(${eventCount}) as events, count(*)::int as tries
      from ${deferredDeliveries} where ${deferredAt} >= ${from} and ${deferredAt} < ${to} group by 1, 2
    ), found as (
      select put.*, coalesce(${webhookEvents.receivedAt}, ${webhookQueue.receivedAt}) as again,
             coalesce(${webhookEvents.deliveryId}, ${webhookQueue.deliveryId}) as delivery_id
      from put
      left join ${webhookEvents} on ${isOfFact(webhookEvents, sql`put.provider`, sql`put.key`)}
      left join ${webhookQueue} on ${webhookQueue.provider} = put.provider and ${webhookQueue.dedupeKey} = put.key
    )`
}

const time = (value: unknown): Date | null => (value === null ? null : new Date(String(value)))

/** Signed deliveries that got 503 in a stretch of time, by provider; providers without any are left out. */
export const putOff = async (pool: pg.Pool, from: Date, to: Date): Promise<PutOff[]> => {
  const { rows } = await queryBuilder(pool).execute<Record<string, unknown>>(sql`
    ${found(from, to)}
    select provider, sum(tries)::int as tries, count(*)::int as signed, (count(again))::int as "cameAgain", min(again) as "firstAgainAt", max(again) as "lastAgainAt",
           (count(*) filter (where again is null))::int as missing,
           coalesce(sum(events) filter (where again is null), 0)::int as "missingEvents",
           min(at) filter (where again is null) as "firstMissingAt"
    from found group by 1`)
  return rows.map((row) => ({
    ...(row as unknown as PutOff),
    firstAgainAt: time(row.firstAgainAt),
    lastAgainAt: time(row.lastAgainAt),
    firstMissingAt: time(row.firstMissingAt),
  }))
}

/** The same one by one: missing ones first, then in order of arrival. */
export const listPutOff = async (
  pool: pg.Pool,
  { from, to }: { from: Date; to: Date },
  limit: number,
): Promise<{ putOff: PutOffDelivery[]; more: boolean }> => {
  const { rows } = await queryBuilder(pool).execute<Record<string, unknown>>(sql`
    ${found(from, to)}
    select provider, at, tries, events, again, delivery_id from found order by again is not null, at, key limit ${limit + 1}`)
  return {
    putOff: rows.slice(0, limit).map((row) => ({
      provider: String(row.provider),
      at: new Date(String(row.at)),
      tries: Number(row.tries),
      events: Number(row.events),
      cameAgainAt: time(row.again),
      deliveryId: row.delivery_id === null ? null : String(row.delivery_id),
    })),
    more: rows.length > limit,
  }
}
