import { and, asc, gte, isNull, lt, or } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { serviceMarks, webhookPauses } from '../db/schema.ts'

/** What happened to the service: it started or stopped, its database was away, or an operator paused processing. */
export interface Mark {
  kind: 'start' | 'stop' | 'outage' | 'pause'
  at: Date
  /** Of an outage or a pause: when it was over; null while a pause lasts. */
  endedAt: Date | null
  /** Where it ran; of a pause: who paused it. */
  instance: string
  /** The version that started; of a pause: the type, if it was one alone, and the reason. */
  detail: string | null
  /** Of a pause: whose events. Null: it concerns all. */
  provider: string | null
}

const MAX_MARKS = 500

/** Marks of a stretch of time, the oldest first; an outage or a pause belongs to it when any of it does. */
export const listMarks = async (pool: pg.Pool, from: Date, to: Date): Promise<Mark[]> => {
  const [noted, paused] = await Promise.all([notedMarks(pool, from, to), pauseMarks(pool, from, to)])
  return [...noted, ...paused].sort((a, b) => a.at.getTime() - b.at.getTime())
}

const notedMarks = async (pool: pg.Pool, from: Date, to: Date): Promise<Mark[]> => {
  const { kind, at, endedAt, instance, detail } = serviceMarks
  const rows = await queryBuilder(pool)
    .select({ kind, at, endedAt, instance, detail })
    .from(serviceMarks)
    .where(and(lt(at, to), or(gte(at, from), gte(endedAt, from))))
    .orderBy(asc(at))
    .limit(MAX_MARKS)
  return rows.map((row) => ({ ...row, provider: null }))
}

const pauseMarks = async (pool: pg.Pool, from: Date, to: Date): Promise<Mark[]> => {
  const { provider, eventType, reason, operator, pausedAt, resumedAt } = webhookPauses
  const rows = await queryBuilder(pool)
    .select({ provider, eventType, reason, operator, at: pausedAt, endedAt: resumedAt })
    .from(webhookPauses)
    .where(and(lt(pausedAt, to), or(isNull(resumedAt), gte(resumedAt, from))))
    .orderBy(asc(pausedAt))
    .limit(MAX_MARKS)
  return rows.map(({ eventType, reason, operator, ...row }) => ({
    ...row,
    kind: 'pause',
    instance: operator,
    detail: eventType === '' ? reason : `${eventType}: ${reason}`,
  }))
}
