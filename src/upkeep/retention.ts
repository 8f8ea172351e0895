import { lt } from 'drizzle-orm'
import type pg from 'pg'
import type { Config } from '../config.ts'
import { daysBefore, dropDay } from '../db/delivery-days.ts'
import { queryBuilder } from '../db/query-builder.ts'
import { silencedNotifications } from '../db/schema.ts'
import { windowStart } from '../domain/mailbox-incidents.ts'
import { inBatches } from './batches.ts'
import type { UpkeepTask } from './task.ts'

/** Rows looked at in one statement. */
const ROWS = 1_000
const DAY = 86_400_000
/** What failed for good or was not understood is kept so long, however short the others' time is: it may be replayed. */
const LEAST_DAYS_UNSOLVED = 90
/** What events changed. */
const DAYS_CHANGES = 30
/** As long as a notification's job, from which a repeated request is known: 14 days waiting, 30 after its end. */
const DAYS_SILENCED = 44

/**
 * Deletes what has been kept long enough. Never a pending event.
 *
 * Payloads go by days of deliveries: what an event still needs moves, the rest of the day is dropped at once. Events are
 * walked in the order of their ids, which is nearly that of their arrival: that needs no index of its own, which every
 * arrival would have to pay for.
 */
export const retention: UpkeepTask = {
  name: 'retention',
  says: 'deleted what was kept long enough',
  cron: '20 2 * * *',
  run: async ({ config, pool, now, signal }) => {
    const before = (days: number) => new Date(now.getTime() - days * DAY)
    const { deleted: events } = await sweep(pool, EVENTS, eventCutoffs(config, before), signal)
    const payloadsBefore = before(config.RETENTION_PAYLOAD_DAYS)
    let days = 0
    for (const day of await daysBefore(pool, payloadsBefore)) {
      if (signal.aborted) break
      await dropDay(pool, day)
      days++
    }
    const { deleted: deliveries } = await sweep(pool, DELIVERIES, [payloadsBefore], signal)
    const messages = await sweep(pool, MESSAGES, [before(config.RETENTION_MESSAGE_DAYS)], signal)
    let incidents = 0
    await inBatches(signal, async () => {
      // A day more than the counts need: a replica whose clock is late must still find them.
      const { rowCount } = await pool.query(INCIDENTS, [new Date(windowStart(now).getTime() - DAY), ROWS])
      incidents += rowCount ?? 0
      return rowCount === ROWS
    })
    let changes = 0
    await inBatches(signal, async () => {
      const { rowCount } = await pool.query(CHANGES, [before(DAYS_CHANGES), ROWS])
      changes += rowCount ?? 0
      return rowCount === ROWS
    })
    await queryBuilder(pool)
      .delete(silencedNotifications)
      .where(lt(silencedNotifications.silencedAt, before(DAYS_SILENCED)))
    return [{ events, days, deliveries, messages: messages.emptied, incidents, changes }]
  },
}

/** Until when rows of events are kept no longer: those that ended well, and those that are dead or misunderstood. */
const eventCutoffs = (config: Config, before: (days: number) => Date): Date[] => [
  before(config.RETENTION_EVENT_DAYS),
  before(Math.max(config.RETENTION_EVENT_DAYS, LEAST_DAYS_UNSOLVED)),
]

/** Walks a table by id, until it meets a batch that is too young altogether. The first time is the youngest's. */
const sweep = async (
  pool: pg.Pool,
  { name, text }: { name: string; text: string },
  times: Date[],
  signal: AbortSignal,
) => {
  const total = { deleted: 0, emptied: 0 }
  let after = '0'
  await inBatches(signal, async () => {
    const { rows } = await pool.query({ name, text, values: [after, ROWS, ...times] })
    const { last, oldest, deleted, emptied } = rows[0]
    if (last === null) return false
    after = last
    total.deleted += deleted
    total.emptied += emptied
    return oldest === null || oldest < Math.max(...times.map(Number))
  })
  return total
}

/** The rows are chosen under their locks: one that is replayed this very moment is left to another night. */
const EVENTS = {
  name: 'upkeep_events',
  text: `
with batch as materialized (
  select id, received_at from webhook_events where id > $1 order by id limit $2
), expired as materialized (
  select id from webhook_events
  where id in (select id from batch) and status <> 'pending'
    and received_at < case when status = 'dead' or misunderstood is not null then $4::timestamptz else $3::timestamptz end
  for update skip locked
), deleted as (
  delete from webhook_events where id in (select id from expired) returning 1
)
select (select max(id) from batch) as last, (select min(received_at) from batch) as oldest,
       (select count(*)::int from deleted) as deleted, 0 as emptied`,
}

/**
 * What outlived its day: deliveries of the default partition that nothing needs any more. There is no index from a
 * delivery to its events; those that need theirs are few, and each kind has an index.
 */
const DELIVERIES = {
  name: 'upkeep_deliveries',
  text: `
with batch as materialized (
  select id, received_at, provider from webhook_deliveries where id > $1 and received_at < $3 order by id limit $2
), needed as materialized (
  select delivery_id as id from webhook_queue join batch on batch.provider = webhook_queue.provider and batch.id = delivery_id
  union select delivery_id from webhook_events where status in ('pending', 'dead') and received_at < $3
  union select delivery_id from webhook_events
        where status = 'skipped' and waiting_since is not null and received_at < $3
  union select delivery_id from webhook_events where misunderstood is not null and received_at < $3
), deleted as (
  delete from webhook_deliveries d using batch
  where d.id = batch.id and d.received_at = batch.received_at and not exists (select from needed where needed.id = batch.id) returning 1
)
select (select max(id) from batch) as last, (select min(received_at) from batch) as oldest,
       (select count(*)::int from deleted) as deleted, 0 as emptied`,
}

const MESSAGES = {
  name: 'upkeep_messages',
  text: `
with batch as materialized (
  select id, received_at from inbound_messages where id > $1 order by id limit $2
), emptied as (
  update inbound_messages set subject = null, body_text = null
  where id in (select id from batch where received_at < $3) and (subject is not null or body_text is not null)
  returning 1
)
select (select max(id) from batch) as last, (select min(received_at) from batch) as oldest,
       0 as deleted, (select count(*)::int from emptied) as emptied`,
}

const CHANGES = `
delete from event_changes where (event_id, changed_at) in (
  select event_id, changed_at from event_changes where changed_at < $1 order by changed_at limit $2)`

const INCIDENTS = `
delete from mailbox_incidents where id in (
  select id from mailbox_incidents where arrived_at < $1 order by arrived_at limit $2 for update skip locked)`
