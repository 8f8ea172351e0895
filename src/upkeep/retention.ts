import { lt, sql } from 'drizzle-orm'
import { daysBefore, dropDay } from '../db/delivery-days.ts'
import { queryBuilder } from '../db/query-builder.ts'
import {
  eventChanges,
  inboundMessages,
  mailboxIncidents,
  silencedNotifications,
  webhookDeliveries,
  webhookEvents,
  webhookQueue,
} from '../db/schema.ts'
import { type BoundStatement, column, statement, toStatement } from '../db/statement.ts'
import { windowStart } from '../domain/mailbox-incidents.ts'
import { inBatches } from './batches.ts'
import type { UpkeepContext, UpkeepTask } from './task.ts'

/** Rows looked at in one statement. */
const ROWS = 1_000
const DAY = 86_400_000
/**
 * What failed for good or was not understood is kept so long, however short the others' time is: it may be replayed.
 */
const MIN_DAYS_UNSOLVED = 90
/** What events changed. */
const DAYS_CHANGES = 30
/** As long as a notification's job, from which a repeated request is known: 14 days waiting, 30 after its end. */
const DAYS_SILENCED = 44

/**
 * Deletes what has been kept long enough. Never a pending event.
 *
 * Payloads are dropped with their day of deliveries: deliveries that an event still needs are moved first, and the rest
 * of the day is dropped at once. Events are read in order of their ids, which is nearly the order of arrival, so no
 * extra index is needed that would slow down every arrival.
 */
export const retention: UpkeepTask = {
  name: 'retention',
  says: 'deleted what was kept long enough',
  cron: '20 2 * * *',
  run: async (context) => {
    const { config, pool, now, signal } = context
    const before = (days: number) => new Date(now.getTime() - days * DAY)
    const eventsBefore = before(config.RETENTION_EVENT_DAYS)
    const unsolvedBefore = before(Math.max(config.RETENTION_EVENT_DAYS, MIN_DAYS_UNSOLVED))
    const { deleted: events } = await sweep(
      context,
      (after) => EVENTS({ after, before: eventsBefore, unsolvedBefore }),
      eventsBefore,
    )
    const payloadsBefore = before(config.RETENTION_PAYLOAD_DAYS)
    let days = 0
    for (const day of await daysBefore(pool, payloadsBefore)) {
      if (signal.aborted) break
      await dropDay(pool, day)
      days++
    }
    const { deleted: deliveries } = await sweep(
      context,
      (after) => DELIVERIES({ after, before: payloadsBefore }),
      payloadsBefore,
    )
    const messagesBefore = before(config.RETENTION_MESSAGE_DAYS)
    const messages = await sweep(
      context,
      (after) => MESSAGES({ after, before: messagesBefore }),
      messagesBefore,
    )
    let incidents = 0
    await inBatches(context, async () => {
      // A day more than the counts need: a replica whose clock is late must still find them.
      const { rowCount } = await pool.query(oldIncidents(new Date(windowStart(now).getTime() - DAY)))
      incidents += rowCount ?? 0
      return rowCount === ROWS
    })
    let changes = 0
    await inBatches(context, async () => {
      const { rowCount } = await pool.query(oldChanges(before(DAYS_CHANGES)))
      changes += rowCount ?? 0
      return rowCount === ROWS
    })
    await queryBuilder(pool)
      .delete(silencedNotifications)
      .where(lt(silencedNotifications.silencedAt, before(DAYS_SILENCED)))
    return [{ events, days, deliveries, messages: messages.emptied, incidents, changes }]
  },
}

/**
 * Walks a table by id until a whole batch is too young.
 *
 * @param bind binds the id after which a batch begins
 * @param before what is younger than this stays in any case
 */
const sweep = async (context: UpkeepContext, bind: (after: string) => BoundStatement, before: Date) => {
  const total = { deleted: 0, emptied: 0 }
  let after = '0'
  await inBatches(context, async () => {
    const { rows } = await context.pool.query(bind(after))
    const { last, oldest, deleted, emptied } = rows[0]
    if (last === null) return false
    after = last
    total.deleted += deleted
    total.emptied += emptied
    return oldest === null || oldest < before
  })
  return total
}

const q = sql.placeholder
const e = webhookEvents
const d = webhookDeliveries
const m = inboundMessages

/**
 * The rows are chosen under their locks: one that is replayed this very moment is left to another night. No joins, which
 * Postgres would plan by statistics of an inbox that has grown since.
 */
const EVENTS = statement<'after' | 'before' | 'unsolvedBefore'>(
  'upkeep_events',
  sql`
with batch as materialized (
  select ${e.id}, ${e.receivedAt} from ${e} where ${e.id} > ${q('after')} order by ${e.id} limit ${sql.raw(String(ROWS))}
), expired as materialized (
  select ${e.id} from ${e}
  where ${e.id} > ${q('after')} and ${e.id} <= (select max(id) from batch) and ${e.status} <> 'pending'
    and ${e.receivedAt} < case when ${e.status} = 'dead' or ${e.misunderstood} is not null
                               then ${q('unsolvedBefore')}::timestamptz else ${q('before')}::timestamptz end
  for update skip locked
), deleted as (
  delete from ${e} where ${e.id} = any(array(select id from expired)) returning 1
)
select (select max(id) from batch) as last, (select min(received_at) from batch) as oldest,
       (select count(*)::int from deleted) as deleted, 0 as emptied`,
)

/**
 * Deliveries that outlived their day, in the default partition, and that nothing needs any more. No index leads from a
 * delivery to its events, but the events that need theirs are few, and each kind has an index.
 */
const DELIVERIES = statement<'after' | 'before'>(
  'upkeep_deliveries',
  sql`
with batch as materialized (
  select ${d.id}, ${d.receivedAt}, ${d.provider} from ${d}
  where ${d.id} > ${q('after')} and ${d.receivedAt} < ${q('before')} order by ${d.id} limit ${sql.raw(String(ROWS))}
), needed as materialized (
  select ${webhookQueue.deliveryId} as id from ${webhookQueue}
  join batch on batch.provider = ${webhookQueue.provider} and batch.id = ${webhookQueue.deliveryId}
  union select ${e.deliveryId} from ${e} where ${e.status} in ('pending', 'dead') and ${e.receivedAt} < ${q('before')}
  union select ${e.deliveryId} from ${e}
        where ${e.status} = 'skipped' and ${e.waitingSince} is not null and ${e.receivedAt} < ${q('before')}
  union select ${e.deliveryId} from ${e} where ${e.misunderstood} is not null and ${e.receivedAt} < ${q('before')}
), deleted as (
  delete from ${d} using batch
  where ${d.id} = batch.id and ${d.receivedAt} = batch.received_at
    and not exists (select from needed where needed.id = batch.id) returning 1
)
select (select max(id) from batch) as last, (select min(received_at) from batch) as oldest,
       (select count(*)::int from deleted) as deleted, 0 as emptied`,
)

const MESSAGES = statement<'after' | 'before'>(
  'upkeep_messages',
  sql`
with batch as materialized (
  select ${m.id}, ${m.receivedAt} from ${m} where ${m.id} > ${q('after')} order by ${m.id} limit ${sql.raw(String(ROWS))}
), emptied as (
  update ${m} set ${column(m.subject)} = null, ${column(m.bodyText)} = null
  where ${m.id} in (select id from batch where received_at < ${q('before')})
    and (${m.subject} is not null or ${m.bodyText} is not null)
  returning 1
)
select (select max(id) from batch) as last, (select min(received_at) from batch) as oldest,
       0 as deleted, (select count(*)::int from emptied) as emptied`,
)

const { id: incidentId, arrivedAt } = mailboxIncidents
const oldIncidents = (before: Date) =>
  toStatement(sql`
delete from ${mailboxIncidents} where ${incidentId} in (
  select ${incidentId} from ${mailboxIncidents} where ${arrivedAt} < ${before}
  order by ${arrivedAt} limit ${ROWS} for update skip locked)`)

const { eventRowId, changedAt } = eventChanges
const oldChanges = (before: Date) =>
  toStatement(sql`
delete from ${eventChanges} where (${eventRowId}, ${changedAt}) in (
  select ${eventRowId}, ${changedAt} from ${eventChanges} where ${changedAt} < ${before}
  order by ${changedAt} limit ${ROWS})`)
