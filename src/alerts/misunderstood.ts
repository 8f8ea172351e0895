import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { alerts, webhookEvents } from '../db/schema.ts'

const DAY = 86_400_000
/** Days in which an alert that is over begins again in its own message. */
const REOPENED_WITHIN = 30

/** How often a cause of the kind `misunderstood` came since its alert, and whether it still does. */
export interface Repeats {
  key: string
  count: number
  lastAt: Date | null
}

/** Events of the causes that were alerted when they were first not understood. Those understood since do not count. */
export const misunderstoodRepeats = async (pool: pg.Pool, now: Date): Promise<Repeats[]> => {
  const { rows } = await queryBuilder(pool).execute<{
    key: string
    count: number
    lastAt: string | null
  }>(sql`
    select ${alerts.key} as key, count(${webhookEvents.id})::int as count, max(${webhookEvents.receivedAt}) as "lastAt"
    from ${alerts} left join ${webhookEvents} on ${webhookEvents.misunderstood} is not null
      and ${webhookEvents.receivedAt} >= ${alerts.startedAt} - interval '1 day'
      and ${webhookEvents.provider} = split_part(${alerts.key}, ':', 1)
      and position(${alerts.subject} in ${webhookEvents.misunderstood}) > 0
    where ${alerts.kind} = 'misunderstood' and ${alerts.startedAt} > ${new Date(now.getTime() - REOPENED_WITHIN * DAY)}
    group by 1`)
  return rows.map((row) => ({ ...row, lastAt: row.lastAt === null ? null : new Date(row.lastAt) }))
}

/** Over when none came for a day, or all are understood. */
export const isOver = ({ lastAt }: Repeats, now: Date): boolean =>
  lastAt === null || lastAt.getTime() < now.getTime() - DAY
