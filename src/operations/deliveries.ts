import { sql } from 'drizzle-orm'
import type pg from 'pg'
import {
  webhookDeliveries as d,
  type EventStatus,
  webhookEvents as e,
  webhookQueue as q,
} from '../db/schema.ts'
import { fields, toStatement } from '../db/statement.ts'
import type { ProviderName } from '../providers/index.ts'
import { matching } from './matching.ts'

/** Which deliveries are meant; what is left out does not narrow. */
export interface DeliveryFilter {
  provider?: ProviderName | undefined
  /** Received at or after this time. */
  since?: Date | undefined
  /** Received before this time. */
  until?: Date | undefined
  /** Only those that are not processed yet. */
  queued?: boolean | undefined
}

/** A delivery as lists show it. */
export interface DeliverySummary {
  id: string
  provider: string
  receivedAt: Date
  eventCount: number
  /** `queued` until the transaction that writes its events, or the last of them, is committed. */
  state: 'queued' | 'processed'
  /** How many of its events are processed: fewer than all while a large delivery is still in the queue. */
  doneEvents: number
  /** Bytes of the body, as it is kept. */
  size: number
}

/** An event that a delivery carried; a known one belongs to the delivery that brought it first. */
interface CarriedEvent {
  id: string
  /** From 0. */
  position: number
  eventId: string
  eventType: string
  status: EventStatus
  processedAt: Date | null
}

/** All there is to know of one delivery. */
export interface DeliveryDetail extends DeliverySummary {
  /** Those that were kept; null of what was moved from an earlier version. */
  headers: Record<string, string> | null
  /** The body, or its beginning, as text and as it is kept. */
  body: string
  bytes: Buffer
  /** Of its new events the first {@link MAX_EVENTS}, in their order in the body. */
  events: CarriedEvent[]
  /** When the last of these was processed; null while none is. */
  processedAt: Date | null
}

const MAX_EVENTS = 1_000
/** Events of one delivery are found by its time, to the millisecond. */
const INSTANT = 1

const SUMMARY = fields({
  id: d.id,
  provider: d.provider,
  receivedAt: d.receivedAt,
  eventCount: d.eventCount,
  state: sql`case when ${q.deliveryId} is null then 'processed' else 'queued' end`,
  doneEvents: sql`coalesce(${q.nextPosition}, ${d.eventCount})`,
  size: sql`octet_length(${d.body})`,
})

const CARRIED = fields({
  id: e.id,
  position: e.position,
  eventId: e.eventId,
  eventType: e.eventType,
  status: e.status,
  processedAt: e.processedAt,
})

const withQueue = sql`${d} left join ${q} on ${q.provider} = ${d.provider} and ${q.deliveryId} = ${d.id}`

const ID = /^\d{1,18}$/

/**
 * One page of the deliveries that match, the newest first.
 * @param page.after the id of the last delivery of the page before.
 */
export const listDeliveries = async (
  pool: pg.Pool,
  { provider, since, until, queued }: DeliveryFilter,
  { limit, after }: { limit: number; after?: string | undefined },
): Promise<{ deliveries: DeliverySummary[]; next: string | null }> => {
  const conditions = [sql`true`]
  if (provider !== undefined) conditions.push(sql`${d.provider} = ${provider}`)
  if (since !== undefined) conditions.push(sql`${d.receivedAt} >= ${since}`)
  if (until !== undefined) conditions.push(sql`${d.receivedAt} < ${until}`)
  if (after !== undefined) conditions.push(sql`${d.id} < ${ID.test(after) ? after : '0'}::bigint`)
  // The queue is short, the log is not.
  if (queued)
    conditions.push(sql`(${d.id}, ${d.receivedAt}) in (select ${q.deliveryId}, ${q.receivedAt} from ${q})`)
  const { rows } = await pool.query<DeliverySummary>(
    toStatement(sql`
      select ${SUMMARY} from ${withQueue} where ${sql.join(conditions, sql` and `)}
      order by ${d.id} desc limit ${limit + 1}`),
  )
  const deliveries = rows.slice(0, limit)
  return { deliveries, next: rows.length > limit ? (deliveries.at(-1)?.id ?? null) : null }
}

/**
 * @param id the row's id.
 * @param most bytes of the body; all of it by default.
 * @returns undefined when there is no such delivery, or retention has dropped it.
 */
export const showDelivery = async (
  pool: pg.Pool,
  id: string,
  most = 2 ** 31 - 1,
): Promise<DeliveryDetail | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(
    toStatement(
      sql`select ${SUMMARY}, ${d.headers}, substring(${d.body} for ${most}::int) as body from ${withQueue} where ${d.id} = ${id}::bigint`,
    ),
  )
  const [row] = rows
  if (row === undefined) return undefined
  const events = await carriedBy(pool, row)
  const ended = events.flatMap(({ processedAt }) => (processedAt === null ? [] : [processedAt.getTime()]))
  const processedAt = ended.length === 0 ? null : new Date(ended.reduce((a, b) => Math.max(a, b)))
  return { ...row, body: row.body.toString('utf8'), bytes: row.body, events, processedAt }
}

/** The index for lists begins with status, provider and type. There are few types, so each is looked up. */
const carriedBy = async (
  pool: pg.Pool,
  { id, provider, receivedAt }: DeliverySummary,
): Promise<CarriedEvent[]> => {
  const ids = matching(
    {
      provider: provider as ProviderName,
      since: receivedAt,
      until: new Date(receivedAt.getTime() + INSTANT),
    },
    { limit: MAX_EVENTS * 25, order: 'any' },
  )
  const { rows } = await pool.query<CarriedEvent>(
    toStatement(sql`
      select ${CARRIED} from (${ids}) matched join ${e} on ${e.id} = matched.id
      where ${e.deliveryId} = ${id} order by ${e.position} limit ${MAX_EVENTS}`),
  )
  return rows
}
