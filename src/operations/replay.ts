import { max, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { operatorActions as a, webhookDeliveries as d, webhookEvents as e } from '../db/schema.ts'
import { column, columns, toStatement } from '../db/statement.ts'
import { storableText } from '../db/storable.ts'
import { type Operator, reasonOf } from './audit.ts'
import { listEvents } from './events.ts'
import type { EventFilter } from './matching.ts'

/** The result of a request to replay. */
export interface Replayed {
  /** Events that were scheduled. */
  replayed: number
  /** Events left alone: their payload is deleted, they are due anyway, or they are being processed right now. */
  left: number
  /** When the last of them is due. */
  lastDueAt: Date | null
}

/** Events replayed per second, so that live ones always go first: whatever waits longer is claimed first. */
export const REPLAYS_PER_SECOND = 50
/** Rows locked and changed in one transaction. */
const BATCH = 500

const NOTED = columns(
  a.eventRowId,
  a.action,
  a.reason,
  a.operator,
  a.via,
  a.actedAt,
  a.statusBefore,
  a.errorBefore,
  a.dueAt,
  a.requestId,
  a.leads,
)

/**
 * Makes events pending again, with their attempts counted from the start, so that the ordinary processing takes them.
 * `processed_at` says that the effects are applied and stays, so that they are not applied again; only an event that
 * was ignored or not understood is handled again, since a handler, or a price, may have been added. A pending event
 * that waits for its next try becomes due now.
 */
const toReplay = (ids: string[], by: Operator, now: Date, dueAt: Date) => {
  const requestId = by.requestId ?? crypto.randomUUID()
  return toStatement(sql`
with picked as materialized (
  select id, status, last_error, misunderstood, row_number() over (order by id) - 1 as n
  from (
    select ${e.id}, ${e.status} as status, ${e.lastError} as last_error, ${e.misunderstood} as misunderstood from ${e}
    where ${e.id} = any(${sql.param(ids)}::bigint[]) and not (${e.status} = 'pending' and ${e.nextAttemptAt} <= ${now})
      and exists (select from ${d} where ${d.id} = ${e.deliveryId} and ${d.receivedAt} = ${e.receivedAt})
    order by ${e.id} for update skip locked
  ) free
), replayed as (
  update ${e}
  set ${column(e.status)} = 'pending', ${column(e.attempts)} = 0,
      ${column(e.nextAttemptAt)} = ${dueAt}::timestamptz + picked.n * interval '1 second' / ${REPLAYS_PER_SECOND}::int,
      ${column(e.waitingSince)} = case picked.status when 'pending' then ${e.waitingSince} end,
      ${column(e.processedAt)} =
        case when picked.status <> 'ignored' and picked.misunderstood is null then ${e.processedAt} end
  from picked where ${e.id} = picked.id
  returning ${e.id}, ${e.nextAttemptAt} as due_at
), noted as (
  insert into ${a} (${NOTED})
  select id, 'replay', ${reasonOf(by)}, ${storableText(by.operator, 100)}, ${by.via}, ${now}::timestamptz,
         picked.status, picked.last_error, replayed.due_at, ${requestId}::uuid,
         picked.n = 0 and not exists (select from ${a} where ${a.requestId} = ${requestId})
  from replayed join picked using (id) order by id
)
select count(*)::int as replayed, max(due_at) as "lastDueAt" from replayed`)
}

const replayBatch = async (
  pool: pg.Pool,
  ids: string[],
  by: Operator,
  now: Date,
  dueAt: Date,
): Promise<Replayed> => {
  const { rows } = await pool.query<Pick<Replayed, 'replayed' | 'lastDueAt'>>(toReplay(ids, by, now, dueAt))
  const { replayed: count, lastDueAt } = rows[0] ?? { replayed: 0, lastDueAt: null }
  return { replayed: count, left: ids.length - count, lastDueAt }
}

/**
 * Replays the events with these row ids, beginning now. Ids that do not exist count as left alone.
 * @param ids at most 500.
 */
export const replayEvents = (pool: pg.Pool, ids: string[], by: Operator, now: Date): Promise<Replayed> => {
  if (ids.length > BATCH) throw new RangeError(`at most ${BATCH} events at once`)
  return replayBatch(pool, ids, by, now, now)
}

/**
 * Replays the events that match, the newest first, {@link REPLAYS_PER_SECOND} a second, after those that earlier
 * requests have scheduled. It returns once they are scheduled, not once they are processed.
 *
 * Every batch is committed by itself: when it fails half-way, what is scheduled stays so, and repeating it goes on with
 * the rest when the filter names the status they were in.
 *
 * @param most the most events that are scheduled; the rest needs another request.
 */
export const replayMatching = async (
  pool: pg.Pool,
  filter: EventFilter,
  by: Operator,
  { now, most }: { now: Date; most: number },
): Promise<Replayed> => {
  const request = { requestId: crypto.randomUUID(), ...by }
  const total: Replayed = { replayed: 0, left: 0, lastDueAt: null }
  let dueAt = await whenFree(pool, now)
  // Events that arrive or are replayed from now on are not included.
  const fixed = { ...filter, until: filter.until !== undefined && filter.until < now ? filter.until : now }
  let after: string | undefined
  while (total.replayed + total.left < most) {
    const limit = Math.min(BATCH, most - total.replayed - total.left)
    const { events, next } = await listEvents(pool, fixed, { limit, after })
    if (events.length === 0) break
    const { replayed, left, lastDueAt } = await replayBatch(
      pool,
      events.map((event) => event.id),
      request,
      now,
      dueAt,
    )
    total.replayed += replayed
    total.left += left
    if (lastDueAt !== null) {
      total.lastDueAt = lastDueAt
      dueAt = new Date(lastDueAt.getTime() + 1_000 / REPLAYS_PER_SECOND)
    }
    if (next === null) break
    after = next
  }
  return total
}

/** When the last replay that is already scheduled is due. */
const whenFree = async (pool: pg.Pool, now: Date): Promise<Date> => {
  const [row] = await queryBuilder(pool)
    .select({ last: max(a.dueAt) })
    .from(a)
  const last = row?.last ?? now
  return last > now ? last : now
}

const toDiscard = (ids: string[], by: Operator, now: Date) => {
  const reason = reasonOf(by)
  const requestId = by.requestId ?? crypto.randomUUID()
  return toStatement(sql`
with picked as materialized (
  select id, last_error, row_number() over (order by id) as n
  from (
    select ${e.id}, ${e.lastError} as last_error from ${e}
    where ${e.id} = any(${sql.param(ids)}::bigint[]) and ${e.status} = 'dead'
    order by ${e.id} for update skip locked
  ) free
), discarded as (
  update ${e}
  set ${column(e.status)} = 'skipped', ${column(e.waitingSince)} = null,
      ${column(e.lastError)} = 'discarded: ' || ${reason}::text
  from picked where ${e.id} = picked.id
)
insert into ${a} (${NOTED})
select id, 'discard', ${reason}, ${storableText(by.operator, 100)}, ${by.via}, ${now}::timestamptz, 'dead', last_error, null,
       ${requestId}::uuid, n = 1 and not exists (select from ${a} where ${a.requestId} = ${requestId})
from picked order by id`)
}

/**
 * Gives up on dead events for good: they become `skipped` with the reason as their error, so that they no longer alert
 * and no redelivery revives them; the error they died of is kept with the action. Replaying one is still possible.
 *
 * @param ids at most 500 rows; what is not dead is left alone.
 * @returns how many were discarded.
 */
export const discardDead = async (pool: pg.Pool, ids: string[], by: Operator, now: Date): Promise<number> => {
  if (ids.length > BATCH) throw new RangeError(`at most ${BATCH} events at once`)
  const { rowCount } = await pool.query(toDiscard(ids, by, now))
  return rowCount ?? 0
}
