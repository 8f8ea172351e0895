import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookDeliveries as d, webhookEvents as e, eventAttempts } from '../../db/schema.ts'
import { column, columns, plainArray, statement } from '../../db/statement.ts'
import { causeOf } from '../../db/transaction.ts'
import type { ClaimedEvent, Json, Provider } from '../provider.ts'
import { readBodies } from './bodies.ts'
import { pauses, requeue, UNREADABLE } from './queue.ts'
import { spreadAfter } from './retry.ts'

/** A claimed pending event. */
export interface Claim {
  event: ClaimedEvent
  /** Its effects were applied before, so a replay has nothing to apply. */
  applied: boolean
  /** It was fetched when it was older than a day: nothing is sent about it. */
  isOldNews: boolean
  /** Why its delivery cannot be read. */
  unread: Error | undefined
}

const q = sql.placeholder

/** Whether an event is paused, by itself or with its provider; then it loses its time. Needs {@link pauses}. */
const paused = sql`exists (select from pauses where pauses.event_type in ('', ${e.eventType}))`

/**
 * Claims and marks in one statement: the row lock is held until the effects are committed, and a rollback (or a
 * crash) undoes claim and mark together. Nearly every event ends `processed`; `endDifferently` corrects the rest. An event
 * that is handled again may be understood this time.
 */
const mark = (counted: unknown) => sql`
, marked as (
  update ${e}
  set ${column(e.status)} = 'processed', ${column(e.processedAt)} = coalesce(${e.processedAt}, ${q('now')}),
      ${column(e.nextAttemptAt)} = null, ${column(e.attempts)} = ${e.attempts} + ${counted},
      ${column(e.misunderstood)} = case when ${e.processedAt} is not null then ${e.misunderstood} end
  from due where ${e.id} = due.id and not due.paused
  returning ${e}.*, old.${column(e.processedAt)} is not null as applied,
            ${e.source} = 'catch-up' and ${e.occurredAt} < ${e.receivedAt} - interval '1 day' as is_old_news
), halted as (
  update ${e} set ${column(e.nextAttemptAt)} = null from due where ${e.id} = due.id and due.paused
)
select id, event_id, event_type, received_at, waiting_since, attempts, delivery_id, position, applied, is_old_news from marked`

/** Bytes of bodies read for one batch of pending events: each event may be in another delivery. */
const MOST_BYTES = 8 * 1024 * 1024

/** As many events as fit into {@link MOST_BYTES}, fewer when their deliveries are large. The first is always taken. */
const CLAIM_DUE = statement<'provider' | 'now' | 'since' | 'limit' | 'bytes'>(
  'inbox_claim_due',
  sql`
with ${pauses}, first as materialized (
  select ${e.id}, ${e.deliveryId}, ${e.receivedAt}, ${e.nextAttemptAt}, ${paused} as paused from ${e}
  where ${e.provider} = ${q('provider')} and ${e.status} = 'pending' and ${e.attempts} = 0
    and ${e.nextAttemptAt} <= ${q('now')} and ${e.receivedAt} >= ${q('since')}
  order by ${e.nextAttemptAt}, ${e.id} limit ${q('limit')}
  for update skip locked
), bodies as materialized (
  select delivery_id, sum(octet_length(${d.body})) over (order by place, delivery_id) - octet_length(${d.body}) as before
  from (select delivery_id, received_at, min(next_attempt_at) as place from first group by 1, 2) one
  join ${d} on ${d.id} = one.delivery_id and ${d.receivedAt} = one.received_at
), due as materialized (
  select first.id, first.paused from first left join bodies using (delivery_id)
  where bodies.before is null or bodies.before < ${q('bytes')}
)
${mark(sql`1`)}`,
)

/** Given events, whatever their attempts, if they are still pending and nobody else has them. */
const CLAIM_THESE = statement<'provider' | 'now' | 'ids' | 'counted'>(
  'inbox_claim_these',
  sql`
with ${pauses}, due as materialized (
  select ${e.id}, ${paused} as paused from ${e}
  where ${e.provider} = ${q('provider')} and ${e.status} = 'pending' and ${e.id} = any(${q('ids')}::bigint[])
  order by ${e.id}
  for update skip locked
)
${mark(sql`${q('counted')}::int`)}`,
)

/**
 * Claims events that are due and did not fail before, the longest due first. Must run inside the transaction that
 * applies the effects.
 * @returns undefined when none is due. Events that stand for an unreadable delivery are left out: it is back in the
 * queue.
 * @param since only events received from then on.
 */
export const claimDue = async (
  client: pg.PoolClient,
  provider: Provider,
  now: Date,
  since: Date | undefined,
): Promise<Claim[] | undefined> => {
  const { rows } = await client.query(
    CLAIM_DUE({
      provider: provider.name,
      now,
      since: since ?? '-infinity',
      limit: provider.batchSize,
      bytes: MOST_BYTES,
    }),
  )
  return rows.length === 0 ? undefined : toClaims(client, provider, rows)
}

/**
 * Claims the given events.
 * @param counted 0 when the attempt was counted already, before the handler (see {@link beginAttempt}).
 */
export const claimThese = async (
  client: pg.PoolClient,
  provider: Provider,
  now: Date,
  ids: string[],
  counted: 0 | 1,
): Promise<Claim[] | undefined> => {
  const { rows } = await client.query(
    CLAIM_THESE({ provider: provider.name, now, ids: plainArray(ids), counted }),
  )
  return rows.length === 0 ? undefined : toClaims(client, provider, rows)
}

/**
 * Reads the payload of each event from its delivery. An event that stands for an unreadable delivery is deleted, and
 * the delivery goes back to the queue to be read once more.
 */
const toClaims = async (
  client: pg.PoolClient,
  provider: Provider,
  rows: pg.QueryResultRow[],
): Promise<Claim[]> => {
  const standIns = rows.filter((row) => row.event_type === UNREADABLE).map((row) => row.id)
  const requeued = await requeue(client, provider, standIns)
  const readable = rows.filter((row) => !requeued.has(row.id))
  const places = readable
    .filter((row) => row.delivery_id !== null)
    .map((row) => ({ id: row.delivery_id, receivedAt: row.received_at }))
  const bodies = await readBodies(client, places)
  const receivedAt = new Map(places.map((place) => [place.id, place.receivedAt]))
  const payloads = new Map(
    [...bodies].map(([id, body]) => [id, payloadsOf(provider, body, receivedAt.get(id))]),
  )
  return readable.map((row) => {
    const read = payloads.get(row.delivery_id) ?? []
    const [payload, unread] = read instanceof Error ? [null, read] : [read[row.position] ?? null, undefined]
    return {
      event: {
        id: row.id,
        eventId: row.event_id,
        eventType: row.event_type,
        payload,
        receivedAt: row.received_at,
        waitingSince: row.waiting_since,
        attempts: row.attempts,
      },
      applied: row.applied,
      isOldNews: row.is_old_news,
      unread,
    }
  })
}

const payloadsOf = (provider: Provider, body: Buffer, receivedAt: Date): Json[] | Error => {
  if (body.equals(FORGOTTEN)) return []
  try {
    return provider.read({ body, receivedAt, eventId: null, dedupeKey: null }).map(({ payload }) => payload)
  } catch (error) {
    return causeOf(error)
  }
}

/** What `forget` leaves of a delivery with one event. */
const FORGOTTEN = Buffer.from('null')

const CRASH_PAUSE = 10_000

/**
 * One due event that goes alone. The attempt is committed before the handler runs, so that an event that kills the
 * process is found. After such an end the other events get some seconds before it is tried again. One that is paused
 * loses its time.
 */
const begin = (name: string, which: ReturnType<typeof sql>) =>
  statement<'provider' | 'now' | 'next' | 'before'>(
    name,
    sql`
with ${pauses}, due as materialized (
  select ${e.id}, ${paused} as paused from ${e}
  where ${e.provider} = ${q('provider')} and ${e.status} = 'pending' and ${e.nextAttemptAt} <= ${q('now')}
    and ${which} and ${e.receivedAt} < ${q('before')}
  order by ${e.nextAttemptAt}, ${e.id} limit 1
  for update skip locked
)
update ${e}
set ${column(e.attempts)} = ${e.attempts} + case when due.paused then 0 else 1 end,
    ${column(e.nextAttemptAt)} = case when not due.paused then ${q('next')}::timestamptz end
from due where ${e.id} = due.id
returning ${e.id}, ${e.eventId}, ${e.eventType}, ${e.attempts}, ${e.lastError}, due.paused`,
  )

const BEGIN = {
  fresh: begin('inbox_begin_fresh', sql`${e.attempts} = 0`),
  failed: begin('inbox_begin_failed', sql`${e.attempts} > 0`),
}

export interface BegunAttempt {
  id: string
  eventId: string
  eventType: string
  attempts: number
  lastError: string | null
}

/**
 * Counts an attempt of one due event and commits it. @returns undefined when none is due, `paused` when the event that
 * was due is paused.
 * @param which `failed`: events that failed before, which no batch takes.
 * @param before only events received before then; undefined: all.
 */
export const beginAttempt = async (
  pool: pg.Pool,
  provider: string,
  now: Date,
  which: keyof typeof BEGIN,
  before: Date | undefined,
): Promise<BegunAttempt | 'paused' | undefined> => {
  const { rows } = await pool.query(
    BEGIN[which]({ provider, now, next: spreadAfter(now, CRASH_PAUSE), before: before ?? 'infinity' }),
  )
  const [row] = rows
  if (row?.paused) return 'paused'
  return (
    row && {
      id: row.id,
      eventId: row.event_id,
      eventType: row.event_type,
      attempts: row.attempts,
      lastError: row.last_error,
    }
  )
}

const FAIL = statement<'id' | 'status' | 'attempts' | 'error' | 'next' | 'attempt' | 'now'>(
  'inbox_fail',
  sql`
with failed as (
update ${e}
set ${column(e.status)} = ${q('status')}, ${column(e.attempts)} = ${q('attempts')},
    ${column(e.lastError)} = ${q('error')}, ${column(e.nextAttemptAt)} = ${q('next')}
where ${e.id} = ${q('id')} and ${e.status} = 'pending'
returning ${e.id}
)
insert into ${eventAttempts} (${columns(eventAttempts.eventId, eventAttempts.attempt, eventAttempts.failedAt, eventAttempts.error)})
select id, ${q('attempt')}::int, ${q('now')}::timestamptz, ${q('error')}::text from failed where ${q('attempt')}::int is not null`,
)

/**
 * Records a failed attempt; without a next time the event is dead.
 * @param failure.attempt its number; null when it is not counted, since the database was in trouble.
 */
export const recordFailure = async (
  pool: pg.Pool,
  id: string,
  failure: { attempts: number; attempt: number | null; error: string; nextAttemptAt: Date | null },
  now: Date,
): Promise<void> => {
  const { attempts, attempt, error, nextAttemptAt } = failure
  const status = nextAttemptAt === null ? 'dead' : 'pending'
  await pool.query(FAIL({ id, status, attempts, attempt, error, next: nextAttemptAt, now }))
}
