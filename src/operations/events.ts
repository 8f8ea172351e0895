import { sql } from 'drizzle-orm'
import type pg from 'pg'
import {
  operatorActions as a,
  type EventStatus,
  webhookEvents as e,
  eventNotifications as n,
  webhookPayloads as p,
  silencedNotifications as silenced,
} from '../db/schema.ts'
import { fields, toStatement } from '../db/statement.ts'
import type { Json } from '../db/storable.ts'
import type { DeliverySource } from '../inbox/provider.ts'
import { type Channel, QUEUE_PREFIX } from '../notifications/queue-names.ts'
import type { NotificationEnding } from '../notifications/queues.ts'
import { type EventFilter, matching, POSITION } from './matching.ts'

/** An event as lists show it. */
export interface EventSummary {
  id: string
  provider: string
  /** The provider's own id. */
  eventId: string
  eventType: string
  source: DeliverySource
  /** The row's id of its delivery; null for events from before deliveries were kept. */
  deliveryId: string | null
  subject: string | null
  status: EventStatus
  attempts: number
  /** The last failure, or why it was skipped; kept when it succeeds after all. */
  lastError: string | null
  occurredAt: Date | null
  receivedAt: Date
  /** Set on a pending event too, when its effects are applied and it is only replayed. */
  processedAt: Date | null
  /** Of a pending event: when it is due. */
  nextAttemptAt: Date | null
  /** Since when it waits for a row that is not there yet. */
  waitingSince: Date | null
  /** Why no rule understood it; null for nearly every event. */
  misunderstood: string | null
}

const SUMMARY = fields({
  id: e.id,
  provider: e.provider,
  eventId: e.eventId,
  eventType: e.eventType,
  source: e.source,
  deliveryId: e.deliveryId,
  subject: e.subject,
  status: e.status,
  attempts: e.attempts,
  lastError: e.lastError,
  occurredAt: e.occurredAt,
  receivedAt: e.receivedAt,
  processedAt: e.processedAt,
  nextAttemptAt: e.nextAttemptAt,
  waitingSince: e.waitingSince,
  misunderstood: e.misunderstood,
})

/**
 * One page of the events that match, newest first.
 * @param page.after the `next` of the page before.
 * @returns `next`, where the following page begins; null on the last page.
 * @throws {RangeError} when `after` is no position in the list.
 */
export const listEvents = async (
  pool: pg.Pool,
  filter: EventFilter,
  page: { limit: number; after?: string | undefined },
): Promise<{ events: EventSummary[]; next: string | null }> => {
  const ids = matching(filter, { limit: page.limit + 1, order: 'newest', after: page.after })
  const { rows } = await pool.query<EventSummary & { position: string }>(
    toStatement(sql`
      select ${SUMMARY}, ${POSITION} as position from (${ids}) matched join ${e} on ${e.id} = matched.id
      order by ${e.receivedAt} desc, ${e.id} desc`),
  )
  const shown = rows.slice(0, page.limit)
  return {
    events: shown.map(({ position: _, ...event }) => event),
    next: rows.length > page.limit ? (shown.at(-1)?.position ?? null) : null,
  }
}

/** How many events match, counted up to `most`; `more` says that there are more than that. */
export const countEvents = async (
  pool: pg.Pool,
  filter: EventFilter,
  most: number,
): Promise<{ count: number; more: boolean }> => {
  const ids = matching(filter, { limit: most + 1, order: 'any' })
  const { rows } = await pool.query(toStatement(sql`select count(*)::int as count from (${ids}) matched`))
  const count: number = rows[0]?.count ?? 0
  return { count: Math.min(count, most), more: count > most }
}

/** A notification an event asked for. */
export interface EventNotification {
  channel: Channel
  key: string
  requestedAt: Date
  /**
   * `waiting` for its turn or its next try, `sent`, `not_configured` (its channel is; it was logged instead),
   * `silenced` because it was already old, `failed` for good, `forgotten` once pg-boss has deleted the job, 30 days
   * after its end.
   */
  state: 'waiting' | 'sent' | 'not_configured' | 'silenced' | 'failed' | 'forgotten'
  /** How often it was tried again. */
  retries: number
  endedAt: Date | null
  /** Why the last try failed. */
  error: string | null
}

/** Something an operator did to an event. */
interface OperatorAction {
  action: 'replay' | 'discard'
  reason: string
  operator: string
  via: string
  actedAt: Date
  statusBefore: EventStatus
  errorBefore: string | null
  dueAt: Date | null
}

/** An event with what it caused and what was done to it. */
export interface EventHistory extends EventSummary {
  notifications: EventNotification[]
  /** Oldest first. */
  actions: OperatorAction[]
}

/** All there is to know of one event. */
export interface EventDetail extends EventHistory {
  /** Undefined once it is deleted, by retention or because a person asked for it. */
  payload: Json | undefined
}

/** @param id the row's id. @returns undefined when there is no such row. */
export const showEvent = async (pool: pg.Pool, id: string): Promise<EventDetail | undefined> => {
  const history = await eventHistory(pool, id)
  if (history === undefined) return undefined
  const { rows } = await pool.query(
    toStatement(sql`
      select ${p.payload}, coalesce(${p.payload} = 'null', true) as gone from ${p} where ${p.id} = ${id}`),
  )
  return { ...history, payload: rows[0]?.gone === false ? rows[0].payload : undefined }
}

/** The same without the payload, which may be many megabytes. */
export const eventHistory = async (pool: pg.Pool, id: string): Promise<EventHistory | undefined> => {
  if (!/^\d{1,18}$/.test(id)) return undefined
  const [found, notifications, actions] = await Promise.all([
    pool.query<EventSummary>(toStatement(sql`select ${SUMMARY} from ${e} where ${e.id} = ${id}`)),
    notificationsOf(pool, id),
    actionsOn(pool, id),
  ])
  const [row] = found.rows
  return row && { ...row, notifications, actions }
}

/**
 * The beginning of an event's payload as indented JSON; undefined once retention has deleted it. Postgres does the
 * work, so that no payload, however large, holds up the process.
 * @param most characters.
 */
export const payloadText = async (
  pool: pg.Pool,
  id: string,
  most: number,
): Promise<{ text: string; more: boolean } | undefined> => {
  const { rows } = await pool.query<{ text: string | null }>(
    toStatement(sql`
      select left(jsonb_pretty(nullif(${p.payload}, 'null')), ${most + 1}) as text from ${p} where ${p.id} = ${id}`),
  )
  const text = rows[0]?.text ?? null
  return text === null ? undefined : { text: text.slice(0, most), more: text.length > most }
}

const notificationsOf = async (pool: pg.Pool, id: string): Promise<EventNotification[]> => {
  const { rows } = await pool.query(
    toStatement(sql`
      select ${n.channel}, ${n.key}, ${n.requestedAt} as "requestedAt", ${silenced.jobId} is not null as silenced,
             j.state, j.retry_count, j.completed_on, j.output
      from ${n}
      left join ${silenced} on ${silenced.jobId} = ${n.jobId}
      left join pgboss.job j on j.name = ${QUEUE_PREFIX} || ${n.channel} and j.id = ${n.jobId}
      where ${n.eventRowId} = ${id}
      order by ${n.requestedAt}, ${n.key}`),
  )
  return rows.map((row) => ({
    channel: row.channel,
    key: row.key,
    requestedAt: row.requestedAt,
    state: row.state === null && row.silenced ? 'silenced' : notificationState(row.state, row.output),
    retries: row.retry_count ?? 0,
    endedAt: row.completed_on,
    // A worker's own ending has `error`, what it threw has `message`.
    error: row.output?.error ?? row.output?.message ?? null,
  }))
}

const notificationState = (
  state: string | null,
  output: Partial<NotificationEnding> | null,
): EventNotification['state'] => {
  if (state === null) return 'forgotten'
  if (state === 'completed') return output?.ending === 'given_up' ? 'failed' : (output?.ending ?? 'sent')
  return state === 'failed' || state === 'cancelled' ? 'failed' : 'waiting'
}

const ACTION = fields({
  action: a.action,
  reason: a.reason,
  operator: a.operator,
  via: a.via,
  actedAt: a.actedAt,
  statusBefore: a.statusBefore,
  errorBefore: a.errorBefore,
  dueAt: a.dueAt,
})

const actionsOn = async (pool: pg.Pool, id: string): Promise<OperatorAction[]> => {
  const { rows } = await pool.query<OperatorAction>(
    toStatement(sql`select ${ACTION} from ${a} where ${a.eventRowId} = ${id} order by ${a.id}`),
  )
  return rows
}
