import { createHash } from 'node:crypto'
import { inArray, sql } from 'drizzle-orm'
import { fromDrizzle, type PgBoss } from 'pg-boss'
import { eventNotifications, silencedNotifications } from '../db/schema.ts'
import { columns } from '../db/statement.ts'
import type { Transaction } from '../db/transaction.ts'
import type { Alert } from './alert.ts'
import type { EmailContent } from './emails/index.ts'
import { CHANNELS, type Channel, DEAD_LETTERS, PUSH_DELIVERIES, queueName } from './queue-names.ts'

/** What each channel's job carries. */
export interface NotificationData {
  slack: { channel: 'deliverability' | 'billing' | 'ops'; text: string }
  email: { to: string } & EmailContent
  /** `url` is opened by a click. `outreachId` is there when the push is about one. */
  push: { userId: string; title: string; body: string; url: string; outreachId?: string }
}

/** A request to send a message. The same `key` is requested once, however often the handler is retried. */
export type Notification = {
  [C in Channel]: {
    channel: C
    /** Identifies it: `sendgrid:spamreport:{row id of the event}`. */
    key: string
    /** The id of the inbox row that caused it; null when no event did. */
    event: string | null
    data: NotificationData[C]
    /** For a Slack message that opens an alert: repeats and the end are shown by editing it. */
    alert?: Pick<Alert, 'kind' | 'subject'>
    /** Counts as requested but is never sent, nor is a later one with its key: its content is already old. */
    silent?: boolean
  }
}[Channel]

/** A queued job, as a worker reads it. */
export interface NotificationJob<Data = object> {
  key: string
  event: string | null
  data: Data
  alert?: Pick<Alert, 'kind' | 'subject'>
}

/** A push to one subscription: what the worker of `notify-push` makes of a notification. */
export interface PushDelivery {
  /** The row's id in `push_subscriptions`. */
  subscriptionId: string
  /** JSON, as the service worker in the browser reads it. */
  message: string
}

/** What a worker leaves in a job that it has completed. */
export interface NotificationEnding {
  ending: 'sent' | 'not_configured' | 'given_up'
  /** Of one given up: why. */
  error?: string
}

/** Retries for most of a day; a worker that dies with a job in hand is noticed within a minute. */
const QUEUE = {
  retryLimit: 16,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 4 * 3_600,
  expireInSeconds: 60,
  heartbeatSeconds: 10,
  retentionSeconds: 14 * 86_400,
  deleteAfterSeconds: 30 * 86_400,
  deadLetter: DEAD_LETTERS,
  notify: true,
}

/** Creates the queues, or brings those of an earlier version up to date. Needs no DDL. */
export const createQueues = async (boss: PgBoss): Promise<void> => {
  await boss.createQueue(DEAD_LETTERS, { retentionSeconds: 90 * 86_400 })
  for (const queue of [...CHANNELS.map(queueName), PUSH_DELIVERIES]) {
    await boss.createQueue(queue, QUEUE)
    // createQueue leaves an existing queue as it is.
    await boss.updateQueue(queue, QUEUE)
  }
}

/**
 * Queues notifications inside the transaction of the effects that cause them: both happen or neither. Which event asked
 * for which is kept beside them, since pg-boss cannot find a job by its data.
 */
export const enqueue = async (
  boss: PgBoss,
  tx: Transaction,
  notifications: Notification[],
): Promise<void> => {
  if (notifications.length === 0) return
  const jobs = notifications.map((notification) => ({ id: toUuid(notification.key), notification }))
  await silence(
    tx,
    jobs.filter(({ notification }) => notification.silent),
  )
  const silenced = await silencedOf(tx, jobs)
  // Grouped by id: pg-boss refuses two with the same id in one call.
  const loud = new Map(jobs.filter(({ id }) => !silenced.has(id)).map((job) => [job.id, job]))
  for (const [channel, ofChannel] of Map.groupBy(loud.values(), ({ notification }) => notification.channel)) {
    const inserts = ofChannel.map(({ id, notification: { key, event, data, alert } }) => ({
      id,
      data: { key, event, data, ...(alert === undefined ? {} : { alert }) },
    }))
    await boss.insert(queueName(channel), inserts, { db: fromDrizzle(tx, sql) })
  }
  const asked = jobs.flatMap(({ id, notification: { event, channel, key } }) =>
    event === null ? [] : [{ event, job: id, channel, key }],
  )
  if (asked.length === 0) return
  const { eventRowId, jobId, channel, key } = eventNotifications
  await tx.execute(sql`
    insert into ${eventNotifications} (${columns(eventRowId, jobId, channel, key)})
    select event, job, channel, key
    from json_to_recordset(${JSON.stringify(asked)}::json) as asked(event bigint, job uuid, channel text, key text)
    on conflict do nothing`)
}

interface IdentifiedNotification {
  id: string
  notification: Notification
}

const silence = async (tx: Transaction, jobs: IdentifiedNotification[]): Promise<void> => {
  if (jobs.length === 0) return
  const rows = jobs.map(({ id, notification: { channel, key } }) => ({ jobId: id, channel, key }))
  await tx.insert(silencedNotifications).values(rows).onConflictDoNothing()
}

/** Those that are not sent, because they, or others with their keys before, were silent. */
const silencedOf = async (tx: Transaction, jobs: IdentifiedNotification[]): Promise<Set<string>> => {
  const { jobId } = silencedNotifications
  const ids = jobs.map(({ id }) => id)
  const rows = await tx.select({ jobId }).from(silencedNotifications).where(inArray(jobId, ids))
  return new Set(rows.map((row) => row.jobId))
}

/** Queues pushes to single subscriptions; repeating it queues none twice. */
export const insertDeliveries = async (
  boss: PgBoss,
  deliveries: { key: string; event: string | null; data: PushDelivery }[],
): Promise<void> => {
  if (deliveries.length === 0) return
  await boss.insert(
    PUSH_DELIVERIES,
    deliveries.map((data) => ({ id: toUuid(data.key), data })),
  )
}

/** pg-boss inserts a job id once: the key becomes the id. A UUID of version 8 (RFC 9562), from SHA-256. */
const toUuid = (key: string): string => {
  const hex = createHash('sha256').update(key).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`
}
