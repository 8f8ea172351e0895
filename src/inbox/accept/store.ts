import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookDeliveries, webhookEvents, webhookQueue } from '../../db/schema.ts'
import { column, columns, plainArray, statement, textArray } from '../../db/statement.ts'
import type { DeliverySource, Identity } from '../provider.ts'
import { NEW_QUEUE_ROW } from '../queue-row.ts'

/** A verified delivery, about to be stored. */
export interface NewDelivery {
  receivedAt: Date
  /** JSON. */
  headers: string
  eventCount: number
  body: Buffer
  /** SHA-256 of what the provider posted. */
  bodyHash: Buffer
  /** Of a provider that sends one event per delivery. */
  identity: Identity | undefined
  source: DeliverySource
  /** The events to look up in the inbox: if it knows all of them, the delivery is not stored. */
  asked: Identity[]
}

/** What the inbox holds of an event that was asked for. */
interface KnownEvent extends Identity {
  /** Null while it is not processed. */
  processedAt: Date | null
}

/** What became of a delivery. */
export interface Stored {
  /** False: it was not stored, since its events are known or it is in the queue already. */
  queued: boolean
  /** By the place in `asked`; undefined for those that the inbox does not hold. */
  known: (KnownEvent | undefined)[]
}

const q = sql.placeholder
const e = webhookEvents
/**
 * Stores deliveries and queues them, in one statement that a commit ends. The bodies come as one value, so that they
 * travel as bytes. What is in the queue already, by its bytes or by its event, conflicts there and is not stored.
 *
 * What is known is asked twice: before, to see what need not be stored; after, since the insert waits for a transaction
 * that is just taking the same delivery out of the queue, and then the events are there.
 */
const STORE = statement<
  | 'provider'
  | 'bodies'
  | 'hashes'
  | 'lengths'
  | 'headers'
  | 'received'
  | 'counts'
  | 'eventIds'
  | 'dedupeKeys'
  | 'sources'
  | 'askedOf'
  | 'askedIds'
  | 'askedKeys'
  | 'askTwice'
>(
  'inbox_store',
  sql`
with asked as materialized (
  select n, place from unnest(${q('askedOf')}::int[]) with ordinality as asked(n, place)
), known as materialized (
  select * from asked
  join webhook_known(${q('provider')}, ${q('askedIds')}::text[], ${q('askedKeys')}::text[]) using (place)
), given as materialized (
  select nextval('webhook_deliveries_id_seq') as id, n::int, length, headers, event_count,
         to_timestamp(received) as received_at, sum(length) over (order by n) - length as start,
         substring(${q('hashes')}::bytea from (n::int - 1) * 32 + 1 for 32) as body_hash, event_id, dedupe_key,
         source
  from unnest(${q('lengths')}::int[], ${q('headers')}::text[], ${q('counts')}::int[], ${q('received')}::float8[],
              ${q('eventIds')}::text[], ${q('dedupeKeys')}::text[], ${q('sources')}::text[])
    with ordinality as given(length, headers, event_count, received, event_id, dedupe_key, source, n)
), queued as (
  insert into ${webhookQueue} (${NEW_QUEUE_ROW})
  select id, received_at, ${q('provider')}, event_count, body_hash, event_id, dedupe_key, source from given
  where not exists (select from asked where asked.n = given.n)
     or (select count(*) from asked where asked.n = given.n) >
        (select count(*) from known where known.n = given.n and not known.revivable)
  order by body_hash
  on conflict do nothing
  returning ${column(webhookQueue.deliveryId)} as id
), stored as (
  insert into ${webhookDeliveries} (${columns(
    webhookDeliveries.id,
    webhookDeliveries.receivedAt,
    webhookDeliveries.provider,
    webhookDeliveries.headers,
    webhookDeliveries.eventCount,
    webhookDeliveries.body,
  )})
  select id, received_at, ${q('provider')}, headers::json, event_count,
         substring(${q('bodies')}::bytea from (start + 1)::int for length)
  from given join queued using (id)
)
select (select coalesce(string_agg(n::text, ','), '') from given join queued using (id)) as queued,
       case when (select count(*) from queued) >= 0 and cardinality(${q('askedIds')}::text[]) <= ${q('askTwice')}::int
         then (
           select json_agg(known)
           from webhook_known(${q('provider')}, ${q('askedIds')}::text[], ${q('askedKeys')}::text[]) known
         )
         else (select json_agg(known) from known)
       end as known`,
)

/** With more events than this, the second look is left out: its result only affects the answer. */
const ASK_TWICE = 200

interface KnownRow {
  place: number
  event_id: string
  dedupe_key: string
  processed_at: string | null
}

/**
 * Stores deliveries of one provider; resolves once they are committed.
 * @returns what became of each, in order.
 */
export const storeDeliveries = async (
  pool: pg.Pool,
  provider: string,
  deliveries: NewDelivery[],
): Promise<Stored[]> => {
  const asked = deliveries.flatMap(({ asked }, n) => asked.map((identity) => ({ n: n + 1, identity })))
  const { rows } = await pool.query<{ queued: string; known: KnownRow[] | null }>(
    STORE({
      provider,
      bodies: Buffer.concat(deliveries.map(({ body }) => body)),
      hashes: Buffer.concat(deliveries.map(({ bodyHash }) => bodyHash)),
      lengths: plainArray(deliveries.map(({ body }) => body.length)),
      headers: textArray(deliveries.map(({ headers }) => headers)),
      counts: plainArray(deliveries.map(({ eventCount }) => eventCount)),
      received: plainArray(deliveries.map(({ receivedAt }) => receivedAt.getTime() / 1_000)),
      eventIds: textArray(deliveries.map(({ identity }) => identity?.eventId ?? null)),
      dedupeKeys: textArray(deliveries.map(({ identity }) => identity?.dedupeKey ?? null)),
      sources: textArray(deliveries.map(({ source }) => source)),
      askedOf: plainArray(asked.map(({ n }) => n)),
      askedIds: textArray(asked.map(({ identity }) => identity.eventId)),
      askedKeys: textArray(asked.map(({ identity }) => identity.dedupeKey)),
      askTwice: ASK_TWICE,
    }),
  )
  const queued = new Set(rows[0]?.queued.split(','))
  const known = new Map(rows[0]?.known?.map((row) => [row.place, toKnown(row)]))
  let place = 0
  return deliveries.map((delivery, n) => ({
    queued: queued.has(String(n + 1)),
    known: delivery.asked.map(() => known.get(++place)),
  }))
}

const toKnown = (row: KnownRow): KnownEvent => ({
  eventId: row.event_id,
  dedupeKey: row.dedupe_key,
  processedAt: row.processed_at === null ? null : new Date(row.processed_at),
})

/** Whether the queue, or the inbox, holds this event id with another identity. */
const HELD = statement<'provider' | 'eventId' | 'dedupeKey'>(
  'inbox_held',
  sql`
select exists (
  select from ${webhookQueue} where ${webhookQueue.provider} = ${q('provider')}
    and ${webhookQueue.eventId} = ${q('eventId')} and ${webhookQueue.dedupeKey} <> ${q('dedupeKey')}
  union all
  select from ${e} where ${e.provider} = ${q('provider')}
    and ${e.eventId} = ${q('eventId')} and ${e.dedupeKey} <> ${q('dedupeKey')}
) as other`,
)

/** Whether an event id is in use for another message; asked when a delivery conflicts with one in the queue. */
export const isReplayed = async (
  pool: pg.Pool,
  provider: string,
  { eventId, dedupeKey }: Identity,
): Promise<boolean> => {
  const { rows } = await pool.query(HELD({ provider, eventId, dedupeKey }))
  return rows[0]?.other === true
}
