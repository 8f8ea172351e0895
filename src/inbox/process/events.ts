import { type SQL, sql } from 'drizzle-orm'
import type pg from 'pg'
import { isOfFact } from '../../db/index-keys.ts'
import { type EventStatus, webhookEvents as e } from '../../db/schema.ts'
import { column, columns, plainArray, statement, textArray } from '../../db/statement.ts'
import { codeOf } from '../../db/transaction.ts'
import type { ClaimedEvent, DeliverySource, IncomingEvent } from '../provider.ts'

/** An event of a delivery that is processed now. */
export interface ArrivedEvent extends IncomingEvent {
  deliveryId: string
  position: number
  receivedAt: Date
  source: DeliverySource
  /** `processed` unless its handler later says otherwise; `pending` when it is not handled now. */
  status: EventStatus
  /** Of a pending one: null while it is paused. */
  nextAttemptAt: Date | null
}

const q = sql.placeholder

/** One array per column, however many rows there are, and one row as the answer. */
const inserting = (name: string, known: SQL) =>
  statement<
    | 'provider'
    | 'eventIds'
    | 'dedupeKeys'
    | 'types'
    | 'subjects'
    | 'deliveries'
    | 'positions'
    | 'statuses'
    | 'errors'
    | 'sources'
    | 'occurred'
    | 'received'
    | 'next'
    | 'now'
    | 'count'
  >(
    name,
    sql`
with inserted as (
  insert into ${e} (${columns(
    e.provider,
    e.eventId,
    e.dedupeKey,
    e.eventType,
    e.subject,
    e.deliveryId,
    e.position,
    e.status,
    e.attempts,
    e.lastError,
    e.occurredAt,
    e.receivedAt,
    e.processedAt,
    e.nextAttemptAt,
    e.source,
  )})
  select ${q('provider')}, event_id, dedupe_key, event_type, subject, delivery_id, position, status,
         case status when 'processed' then 1 else 0 end, last_error, to_timestamp(occurred_at),
         to_timestamp(received_at), case when status in ('processed', 'ignored') then ${q('now')}::timestamptz end,
         to_timestamp(next_attempt_at), source
  from unnest(${q('eventIds')}::text[], string_to_array(${q('dedupeKeys')}, ','), ${q('types')}::text[],
              ${q('subjects')}::text[], ${q('deliveries')}::bigint[], ${q('positions')}::int[],
              string_to_array(${q('statuses')}, ','), ${q('errors')}::text[], ${q('occurred')}::float8[],
              ${q('received')}::float8[], ${q('next')}::float8[], string_to_array(${q('sources')}, ','))
    as row(event_id, dedupe_key, event_type, subject, delivery_id, position, status, last_error, occurred_at,
           received_at, next_attempt_at, source)
  ${known}
  returning ${e.id}, ${e.dedupeKey}
)
select string_agg(id::text, ',') as ids, case when count(*) < ${q('count')} then string_agg(dedupe_key, ',') end as keys
from inserted`,
  )

/** Fails if one of them is known. It takes a fifth less of Postgres's CPU than `on conflict do nothing`. */
const INSERT_NEW = inserting('inbox_insert_new', sql``)
const INSERT_UNKNOWN = inserting('inbox_insert_unknown', sql`on conflict do nothing`)

/** What a worker remembers of the last conflict. */
export interface Conflicts {
  /** Until this time (`performance.now()`) inserts use `on conflict do nothing`. */
  expectedUntil: number
}

/**
 * Milliseconds for which inserts use `on conflict do nothing` after a conflict. Without it, each conflict is an error in
 * the server's log.
 */
const EXPECTED_FOR = 60_000
/** With fewer events, the savepoint costs more than the clause. */
const WORTH_A_SAVEPOINT = 50
const UNIQUE_VIOLATION = '23505'

/**
 * Writes events, each once. Must run inside a transaction.
 * @returns the row ids of those that are new, by dedupe key; every other is known already.
 */
export const insertEvents = async (
  client: pg.PoolClient,
  provider: string,
  events: ArrivedEvent[],
  now: Date,
  conflicts: Conflicts = { expectedUntil: Number.POSITIVE_INFINITY },
): Promise<Map<string, string>> => {
  if (events.length === 0) return new Map()
  // One order everywhere, so that two batches with the same events wait for each other and never deadlock.
  const sorted = events.toSorted((a, b) =>
    a.dedupeKey < b.dedupeKey ? -1 : a.dedupeKey > b.dedupeKey ? 1 : 0,
  )
  const dedupeKeys = sorted.map(({ dedupeKey }) => dedupeKey)
  const values = {
    provider,
    eventIds: textArray(sorted.map(({ eventId }) => eventId)),
    dedupeKeys: dedupeKeys.join(),
    types: textArray(sorted.map(({ eventType }) => eventType)),
    subjects: textArray(sorted.map(({ subject }) => subject)),
    deliveries: plainArray(sorted.map(({ deliveryId }) => deliveryId)),
    positions: plainArray(sorted.map(({ position }) => position)),
    statuses: sorted.map(({ status }) => status).join(),
    errors: textArray(sorted.map(({ unusable }) => unusable ?? null)),
    occurred: plainArray(sorted.map(({ occurredAt }) => occurredAt.getTime() / 1_000)),
    received: plainArray(sorted.map(({ receivedAt }) => receivedAt.getTime() / 1_000)),
    sources: sorted.map(({ source }) => source).join(),
    next: plainArray(sorted.map(({ nextAttemptAt }) => nextAttemptAt && nextAttemptAt.getTime() / 1_000)),
    now,
    count: sorted.length,
  }
  const run = async (insert: typeof INSERT_NEW) =>
    await client.query<{ ids: string | null; keys: string | null }>(insert(values))

  const { rows } = await insertOptimistically(client, run, sorted, conflicts)
  const ids = rows[0]?.ids?.split(',') ?? []
  const keys = rows[0]?.keys?.split(',') ?? dedupeKeys
  return new Map(ids.map((id, n) => [keys[n] ?? '', id]))
}

/** Inserts without `on conflict do nothing` unless a conflict is expected; after a conflict, again with it. */
const insertOptimistically = async <Result>(
  client: pg.PoolClient,
  run: (insert: typeof INSERT_NEW) => Promise<Result>,
  sorted: ArrivedEvent[],
  conflicts: Conflicts,
): Promise<Result> => {
  if (sorted.length < WORTH_A_SAVEPOINT || hasCopies(sorted) || performance.now() < conflicts.expectedUntil) {
    return await run(INSERT_UNKNOWN)
  }
  await client.query('savepoint before_insert')
  try {
    return await run(INSERT_NEW)
  } catch (error) {
    if (codeOf(error) !== UNIQUE_VIOLATION) throw error
    conflicts.expectedUntil = performance.now() + EXPECTED_FOR
    await client.query('rollback to before_insert')
    return await run(INSERT_UNKNOWN)
  }
}

/** Whether two of them are one event. @param sorted by dedupe key */
const hasCopies = (sorted: ArrivedEvent[]): boolean =>
  sorted.some(({ dedupeKey }, n) => dedupeKey === sorted[n + 1]?.dedupeKey) ||
  new Set(sorted.map(({ eventId }) => eventId)).size < sorted.length

const REVIVE = statement<
  'provider' | 'eventIds' | 'dedupeKeys' | 'deliveries' | 'positions' | 'received' | 'now'
>(
  'inbox_revive',
  sql`
update ${e}
set ${column(e.status)} = 'pending', ${column(e.attempts)} = 0, ${column(e.waitingSince)} = null,
    ${column(e.nextAttemptAt)} = ${q('now')}, ${column(e.deliveryId)} = given.delivery_id,
    ${column(e.position)} = given.position, ${column(e.receivedAt)} = to_timestamp(given.received_at)
from (
  select distinct on (held.id) held.id, given.*
  from unnest(${q('eventIds')}::text[], ${q('dedupeKeys')}::text[], ${q('deliveries')}::bigint[],
              ${q('positions')}::int[], ${q('received')}::float8[])
    as given(event_id, dedupe_key, delivery_id, position, received_at)
  cross join lateral (
    select ${e.id} from ${e} where ${e.provider} = ${q('provider')} and ${e.eventId} = given.event_id
    union
    select ${e.id} from ${e} where ${isOfFact(e, q('provider'), sql`given.dedupe_key`)}
  ) held
  order by held.id
) given
where ${e.id} = given.id and (${e.status} = 'dead' or ${e.status} = 'skipped' and ${e.waitingSince} is not null)`,
)

/**
 * Makes known events pending again that are dead or were skipped for something missing, and points them to the new
 * delivery.
 */
export const reviveEvents = async (
  client: pg.PoolClient,
  provider: string,
  events: ArrivedEvent[],
  now: Date,
): Promise<void> => {
  if (events.length === 0) return
  await client.query(
    REVIVE({
      provider,
      eventIds: textArray(events.map(({ eventId }) => eventId)),
      dedupeKeys: textArray(events.map(({ dedupeKey }) => dedupeKey)),
      deliveries: plainArray(events.map(({ deliveryId }) => deliveryId)),
      positions: plainArray(events.map(({ position }) => position)),
      received: plainArray(events.map(({ receivedAt }) => receivedAt.getTime() / 1_000)),
      now,
    }),
  )
}

/** How an event ended when it is not `processed`. */
export interface Ending {
  rowId: string
  status: Exclude<EventStatus, 'processed'>
  attempts: number
  reason: string | null
  nextAttemptAt: Date | null
  waitingSince: Date | null
}

/** @param change what else is not as it was, or null. */
export const endingOf = (
  { rowId, attempts, waitingSince }: ClaimedEvent,
  status: Ending['status'],
  change: Partial<Ending> = {},
): Ending => ({ rowId, status, attempts, reason: null, nextAttemptAt: null, waitingSince, ...change })

const END = statement<'rows' | 'now'>(
  'inbox_end',
  sql`
update ${e}
set ${column(e.status)} = v.status, ${column(e.attempts)} = v.attempts,
    ${column(e.lastError)} = coalesce(v.reason, ${e.lastError}), ${column(e.nextAttemptAt)} = v."nextAttemptAt",
    ${column(e.waitingSince)} = v."waitingSince",
    ${column(e.processedAt)} = case v.status when 'ignored' then ${q('now')}::timestamptz end
from json_to_recordset(${q('rows')}::json) as v("rowId" bigint, status text, attempts int, reason text,
                                                "nextAttemptAt" timestamptz, "waitingSince" timestamptz)
where ${e.id} = v."rowId"`,
)

/** Corrects the mark of events that did not end `processed`, inside the same transaction. */
export const endDifferently = async (client: pg.PoolClient, endings: Ending[], now: Date): Promise<void> => {
  if (endings.length === 0) return
  await client.query(END({ rows: JSON.stringify(endings), now }))
}
