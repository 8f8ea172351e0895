import type pg from 'pg'
import { storableText } from '../inbox/storable.ts'
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

/**
 * Makes events pending again, with their attempts counted from the start, so that the ordinary processing takes them.
 * `processed_at` says that the effects are applied and stays, so that they are not applied again; only an event that
 * was ignored or not understood is handled again, since a handler, or a price, may have been added. A pending event
 * that waits for its next try becomes due now.
 */
const REPLAY = `
with picked as materialized (
  select e.id, e.status, e.last_error, e.misunderstood, row_number() over (order by e.id) - 1 as n
  from (
    select id, status, last_error, misunderstood from webhook_events
    where id = any($1::bigint[]) and not (status = 'pending' and next_attempt_at <= $2)
      and exists (
        select from webhook_deliveries d
        where d.id = webhook_events.delivery_id and d.received_at = webhook_events.received_at
      )
    order by id for update skip locked
  ) e
), replayed as (
  update webhook_events e
  set status = 'pending', attempts = 0,
      next_attempt_at = $3::timestamptz + picked.n * interval '1 second' / $4::int,
      waiting_since = case picked.status when 'pending' then e.waiting_since end,
      processed_at = case when picked.status <> 'ignored' and picked.misunderstood is null then e.processed_at end
  from picked where e.id = picked.id
  returning e.id, e.next_attempt_at
), noted as (
  insert into operator_actions (event_id, action, reason, operator, via, acted_at, status_before, error_before, due_at,
                                request_id, leads)
  select id, 'replay', $5, $6, $7, $2, picked.status, picked.last_error, replayed.next_attempt_at, $8,
         picked.n = 0 and not exists (select from operator_actions where request_id = $8)
  from replayed join picked using (id) order by id
)
select count(*)::int as replayed, max(next_attempt_at) as last_due_at from replayed`

const replayBatch = async (
  pool: pg.Pool,
  ids: string[],
  by: Operator,
  now: Date,
  dueAt: Date,
): Promise<Replayed> => {
  const { rows } = await pool.query(REPLAY, [
    ids,
    now,
    dueAt,
    REPLAYS_PER_SECOND,
    reasonOf(by),
    storableText(by.operator, 100),
    by.via,
    by.requestId ?? crypto.randomUUID(),
  ])
  const replayed: number = rows[0]?.replayed ?? 0
  return { replayed, left: ids.length - replayed, lastDueAt: rows[0]?.last_due_at ?? null }
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
  const { rows } = await pool.query('select max(due_at) as last from operator_actions')
  const last: Date | null = rows[0]?.last ?? null
  return last !== null && last > now ? last : now
}

const DISCARD = `
with picked as materialized (
  select id, last_error, row_number() over (order by id) as n
  from (
    select id, last_error from webhook_events
    where id = any($1::bigint[]) and status = 'dead'
    order by id for update skip locked
  ) e
), discarded as (
  update webhook_events e
  set status = 'skipped', waiting_since = null, last_error = 'discarded: ' || $2
  from picked where e.id = picked.id
)
insert into operator_actions (event_id, action, reason, operator, via, acted_at, status_before, error_before, request_id, leads)
select id, 'discard', $2, $3, $4, $5, 'dead', last_error, $6,
       n = 1 and not exists (select from operator_actions where request_id = $6)
from picked order by id
returning id`

/**
 * Gives up on dead events for good: they become `skipped` with the reason as their error, so that they no longer alert
 * and no redelivery revives them; the error they died of is kept with the action. Replaying one is still possible.
 *
 * @param ids at most 500 rows; what is not dead is left alone.
 * @returns how many were discarded.
 */
export const discardDead = async (pool: pg.Pool, ids: string[], by: Operator, now: Date): Promise<number> => {
  if (ids.length > BATCH) throw new RangeError(`at most ${BATCH} events at once`)
  const { rows } = await pool.query(DISCARD, [
    ids,
    reasonOf(by),
    storableText(by.operator, 100),
    by.via,
    now,
    by.requestId ?? crypto.randomUUID(),
  ])
  return rows.length
}
