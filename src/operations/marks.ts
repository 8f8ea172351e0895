import { and, asc, gte, lt, or } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { serviceMarks } from '../db/schema.ts'

/** What the service noted about itself: when it started and stopped, and when its database was away. */
export interface Mark {
  kind: 'start' | 'stop' | 'outage'
  at: Date
  /** Of an outage: when it was over. */
  endedAt: Date | null
  /** Where it ran. */
  instance: string
  /** The version that started. */
  detail: string | null
}

/** Marks of a stretch of time, the oldest first; an outage belongs to it when any of it does. */
export const listMarks = async (pool: pg.Pool, from: Date, to: Date): Promise<Mark[]> => {
  const { kind, at, endedAt, instance, detail } = serviceMarks
  const rows = await drizzle({ client: pool, casing: 'snake_case' })
    .select({ kind, at, endedAt, instance, detail })
    .from(serviceMarks)
    .where(and(lt(at, to), or(gte(at, from), gte(endedAt, from))))
    .orderBy(asc(at))
    .limit(500)
  return rows as Mark[]
}
