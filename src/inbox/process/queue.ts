import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookDeliveries as d, webhookEvents as e, webhookPauses, webhookQueue } from '../../db/schema.ts'
import { column, fields, plainArray, statement } from '../../db/statement.ts'
import type { DeliverySource, KeptDelivery, Provider } from '../provider.ts'
import { NEW_QUEUE_ROW } from '../queue-row.ts'
import { readBodies } from './bodies.ts'

/** The type of the event that stands for a delivery, or an entry of one, which cannot be read or written. */
export const UNREADABLE = 'unreadable'

/** A delivery taken from the queue. */
export interface QueuedDelivery extends Omit<KeptDelivery, 'body'> {
  /** Undefined if its row is missing. This service never deletes it while the delivery is queued. */
  body: Buffer | undefined
  id: string
  eventCount: number
  /** The first of its events that is not processed. */
  nextPosition: number
  source: DeliverySource
}

const q = sql.placeholder

/**
 * What is paused of a provider. Resuming waits for every transaction that has read it. Otherwise an event could become
 * pending without a time just after resuming has set the times of the others.
 */
export const pauses = sql`pauses as materialized (
  select ${webhookPauses.eventType} from ${webhookPauses}
  where ${webhookPauses.provider} = ${q('provider')} and ${webhookPauses.resumedAt} is null
  for share
)`

type Unread = Omit<QueuedDelivery, 'body'>

const UNREAD = fields({
  id: webhookQueue.deliveryId,
  receivedAt: webhookQueue.receivedAt,
  eventCount: webhookQueue.eventCount,
  nextPosition: webhookQueue.nextPosition,
  eventId: webhookQueue.eventId,
  dedupeKey: webhookQueue.dedupeKey,
  source: webhookQueue.source,
})

/** The function locks rows of the table one by one: see it in the migrations. */
const CLAIM = statement<'provider' | 'most' | 'since'>(
  'inbox_claim',
  sql`
with ${pauses}
select ${UNREAD}, (select array_agg(event_type) from pauses) as "pausedTypes"
from webhook_claim(${q('provider')}, ${q('most')}, ${q('since')}) ${webhookQueue}`,
)

/**
 * Takes the oldest deliveries that no other transaction has, with their bodies. Must run inside the transaction that
 * processes them, which ends with {@link finish}. Takes none while the provider is paused.
 *
 * @param most events in all; the last delivery may hold more.
 * @param since only deliveries received from then on; earlier ones are taken carefully, elsewhere.
 * @param isRead whether a delivery's body was read before, so that it need not be read again.
 */
export const claimDeliveries = async (
  client: pg.PoolClient,
  provider: string,
  { most, since, isRead }: { most: number; since: Date | undefined; isRead: (id: string) => boolean },
): Promise<{ deliveries: QueuedDelivery[]; pausedTypes: Set<string> }> => {
  const { rows } = await client.query<Unread & { pausedTypes: string[] | null }>(
    CLAIM({ provider, most, since: since ?? '-infinity' }),
  )
  const pausedTypes = new Set(rows[0]?.pausedTypes)
  return { deliveries: await withBodies(client, rows, isRead), pausedTypes }
}

const withBodies = async (
  client: pg.PoolClient,
  unread: Unread[],
  isRead: (id: string) => boolean,
): Promise<QueuedDelivery[]> => {
  const wanted = unread.filter(({ id }) => !isRead(id))
  const bodies = await readBodies(client, wanted)
  return unread.map((delivery) => ({
    ...delivery,
    body: isRead(delivery.id) ? NOT_READ : bodies.get(delivery.id),
  }))
}

const NOT_READ = Buffer.alloc(0)

const DELETE = statement<'provider' | 'ids'>(
  'inbox_dequeue',
  sql`
delete from ${webhookQueue}
where ${webhookQueue.provider} = ${q('provider')} and ${webhookQueue.deliveryId} = any(${q('ids')}::bigint[])`,
)

const ADVANCE = statement<'provider' | 'id' | 'position'>(
  'inbox_advance',
  sql`
update ${webhookQueue} set ${column(webhookQueue.nextPosition)} = ${q('position')}, ${column(webhookQueue.claims)} = 0
where ${webhookQueue.provider} = ${q('provider')} and ${webhookQueue.deliveryId} = ${q('id')}`,
)

/** Removes processed deliveries from the queue; for one processed in slices, notes how far it is. */
export const finish = async (
  client: pg.PoolClient,
  provider: string,
  done: string[],
  sliced: { id: string; position: number } | undefined,
): Promise<void> => {
  if (done.length > 0) await client.query(DELETE({ provider, ids: plainArray(done) }))
  if (sliced !== undefined) await client.query(ADVANCE({ provider, ...sliced }))
}

/** The least claimed first, so that a delivery which ended the process before does not hold up others. */
const COUNT_CLAIM = statement<'provider' | 'before'>(
  'inbox_count_claim',
  sql`
update ${webhookQueue} set ${column(webhookQueue.claims)} = ${webhookQueue.claims} + 1
where (${webhookQueue.provider}, ${webhookQueue.deliveryId}) = (
  select ${webhookQueue.provider}, ${webhookQueue.deliveryId} from ${webhookQueue}
  where ${webhookQueue.provider} = ${q('provider')} and ${webhookQueue.receivedAt} < ${q('before')}
    and not exists (
      select from ${webhookPauses} where ${webhookPauses.provider} = ${webhookQueue.provider}
        and ${webhookPauses.eventType} = '' and ${webhookPauses.resumedAt} is null
    )
  order by ${webhookQueue.claims}, ${webhookQueue.deliveryId} limit 1
  for update skip locked
)
returning ${fields({ id: webhookQueue.deliveryId, claims: webhookQueue.claims })}`,
)

/**
 * Counts and commits that one delivery received before then is about to be taken, so that one which ends the process is
 * found. @returns undefined when no such delivery is left.
 */
export const countClaim = async (
  pool: pg.Pool,
  provider: string,
  before: Date,
): Promise<{ id: string; claims: number } | undefined> => {
  const { rows } = await pool.query<{ id: string; claims: number }>(COUNT_CLAIM({ provider, before }))
  return rows[0]
}

const UNCOUNT_CLAIM = statement<'provider' | 'id'>(
  'inbox_uncount_claim',
  sql`
update ${webhookQueue} set ${column(webhookQueue.claims)} = ${webhookQueue.claims} - 1
where ${webhookQueue.provider} = ${q('provider')} and ${webhookQueue.deliveryId} = ${q('id')}`,
)

/** Takes back a counted claim: the process lives, so the delivery has not ended it. */
export const uncountClaim = async (pool: pg.Pool, provider: string, id: string): Promise<void> => {
  await pool.query(UNCOUNT_CLAIM({ provider, id }))
}

const CLAIM_THIS = statement<'provider' | 'id'>(
  'inbox_claim_this',
  sql`
select ${UNREAD} from ${webhookQueue}
where ${webhookQueue.provider} = ${q('provider')} and ${webhookQueue.deliveryId} = ${q('id')}
for update skip locked`,
)

/** Takes one delivery without its body. @returns undefined when it is gone or another transaction has it. */
export const claimUnread = async (
  client: pg.PoolClient,
  provider: string,
  id: string,
): Promise<Unread | undefined> => {
  const { rows } = await client.query<Unread>(CLAIM_THIS({ provider, id }))
  return rows[0]
}

/**
 * Takes one delivery, as {@link claimDeliveries} does. @returns undefined when it is gone or another transaction has
 * it.
 */
export const claimDelivery = async (
  client: pg.PoolClient,
  provider: string,
  id: string,
): Promise<QueuedDelivery | undefined> => {
  const unread = await claimUnread(client, provider, id)
  return unread && (await withBodies(client, [unread], () => false))[0]
}

/** A delivery of one event has its identity in the row that stands for it. */
const REQUEUE = statement<'ids' | 'identified'>(
  'inbox_requeue',
  sql`
with stand_in as (
  delete from ${e} using ${d}
  where ${e.id} = any(${q('ids')}::bigint[]) and ${d.id} = ${e.deliveryId} and ${d.receivedAt} = ${e.receivedAt}
  returning ${e.id} as event, ${e.eventId}, ${e.dedupeKey}, ${e.source}, ${d.id}, ${d.receivedAt}, ${d.provider},
            ${d.eventCount}, sha256(${d.body}) as body_hash
), queued as (
  insert into ${webhookQueue} (${NEW_QUEUE_ROW})
  select distinct on (id) id, received_at, provider, event_count, body_hash,
         case when ${q('identified')}::boolean then event_id end,
         case when ${q('identified')}::boolean then dedupe_key end, source
  from stand_in
  on conflict do nothing
)
select event from stand_in`,
)

/**
 * Puts deliveries back into the queue, to be read once more, in place of the events that stand for them.
 * @returns the row ids of these events, which are deleted; not of those whose delivery is gone.
 */
export const requeue = async (
  client: pg.PoolClient,
  { singleEvents = false }: Pick<Provider, 'singleEvents'>,
  ids: string[],
): Promise<Set<string>> => {
  if (ids.length === 0) return new Set()
  const { rows } = await client.query<{ event: string }>(
    REQUEUE({ ids: plainArray(ids), identified: singleEvents }),
  )
  return new Set(rows.map(({ event }) => event))
}
