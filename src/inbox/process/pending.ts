import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookDeliveries as d, webhookEvents as e, eventAttempts } from '../../db/schema.ts'
import { column, fields, plainArray, statement } from '../../db/statement.ts'
import type { Json } from '../../db/storable.ts'
import { causeOf } from '../../db/transaction.ts'
import type { ClaimedEvent, Provider } from '../provider.ts'
import type { Attempt } from './apply.ts'
import { NEW_ATTEMPT } from './attempts.ts'
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

interface ClaimedRow extends Omit<ClaimedEvent, 'payload'>, Pick<Claim, 'applied' | 'isOldNews'> {
  deliveryId: string | null
  position: number
}

const CLAIMED = fields({
  rowId: e.id,
  eventId: e.eventId,
  eventType: e.eventType,
  receivedAt: e.receivedAt,
  waitingSince: e.waitingSince,
  attempts: e.attempts,
  deliveryId: e.deliveryId,
  position: e.position,
  applied: sql`old.${column(e.processedAt)} is not null`,
  isOldNews: sql`${e.source} = 'catch-up' and ${e.occurredAt} < ${e.receivedAt} - interval '1 day'`,
})

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
  returning ${CLAIMED}
), halted as (
  update ${e} set ${column(e.nextAttemptAt)} = null from due where ${e.id} = due.id and due.paused
)
select * from marked`

/** Bytes of bodies read for one batch of pending events: each event may be in another delivery. */
const MAX_BYTES = 8 * 1024 * 1024

/** As many events as fit into {@link MAX_BYTES}, fewer when their deliveries are large. The first is always taken. */
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
  const { rows } = await client.query<ClaimedRow>(
    CLAIM_DUE({
      provider: provider.name,
      now,
      since: since ?? '-infinity',
      limit: provider.batchSize,
      bytes: MAX_BYTES,
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
  const { rows } = await client.query<ClaimedRow>(
    CLAIM_THESE({ provider: provider.name, now, ids: plainArray(ids), counted }),
  )
  return rows.length === 0 ? undefined : toClaims(client, provider, rows)
}

/**
 * Reads the payload of each event from its delivery. An event that stands for an unreadable delivery is deleted, and
 * the delivery goes back to the queue to be read once more.
 */
const toClaims = async (client: pg.PoolClient, provider: Provider, rows: ClaimedRow[]): Promise<Claim[]> => {
  const standIns = rows.filter(({ eventType }) => eventType === UNREADABLE).map(({ rowId }) => rowId)
  const requeued = await requeue(client, provider, standIns)
  const readable = rows.filter(({ rowId }) => !requeued.has(rowId))
  const places = new Map(
    readable.flatMap(({ deliveryId: id, receivedAt }) => (id === null ? [] : [[id, { id, receivedAt }]])),
  )
  const bodies = await readBodies(client, [...places.values()])
  const payloads = new Map(
    [...bodies].map(([id, body]) => [id, payloadsOf(provider, body, places.get(id)?.receivedAt as Date)]),
  )
  return readable.map(({ deliveryId, position, applied, isOldNews, ...event }) => {
    const read = payloads.get(deliveryId ?? '') ?? []
    const [payload, unread] = read instanceof Error ? [null, read] : [read[position] ?? null, undefined]
    return { event: { ...event, payload }, applied, isOldNews, unread }
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

const BEGUN = fields({
  rowId: e.id,
  eventId: e.eventId,
  eventType: e.eventType,
  attempts: e.attempts,
  lastError: e.lastError,
})

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
returning ${BEGUN}, due.paused`,
  )

const BEGIN = {
  fresh: begin('inbox_begin_fresh', sql`${e.attempts} = 0`),
  failed: begin('inbox_begin_failed', sql`${e.attempts} > 0`),
}

interface BegunAttempt extends Attempt {
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
  const { rows } = await pool.query<BegunAttempt & { paused: boolean }>(
    BEGIN[which]({ provider, now, next: spreadAfter(now, CRASH_PAUSE), before: before ?? 'infinity' }),
  )
  return rows[0]?.paused ? 'paused' : rows[0]
}

const FAIL = statement<'rowId' | 'status' | 'attempts' | 'error' | 'next' | 'attempt' | 'now'>(
  'inbox_fail',
  sql`
with failed as (
update ${e}
set ${column(e.status)} = ${q('status')}, ${column(e.attempts)} = ${q('attempts')},
    ${column(e.lastError)} = ${q('error')}, ${column(e.nextAttemptAt)} = ${q('next')}
where ${e.id} = ${q('rowId')} and ${e.status} = 'pending'
returning ${e.id}
)
insert into ${eventAttempts} (${NEW_ATTEMPT})
select id, ${q('attempt')}::int, ${q('now')}::timestamptz, ${q('error')}::text from failed where ${q('attempt')}::int is not null`,
)

/**
 * Records a failed attempt; without a next time the event is dead.
 * @param failure.attempt its number; null when it is not counted, since the database was in trouble.
 */
export const recordFailure = async (
  pool: pg.Pool,
  rowId: string,
  failure: { attempts: number; attempt: number | null; error: string; nextAttemptAt: Date | null },
  now: Date,
): Promise<void> => {
  const { attempts, attempt, error, nextAttemptAt } = failure
  const status = nextAttemptAt === null ? 'dead' : 'pending'
  await pool.query(FAIL({ rowId, status, attempts, attempt, error, next: nextAttemptAt, now }))
}
