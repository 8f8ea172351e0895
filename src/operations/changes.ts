import { asc, eq } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import type { RowChange } from '../db/row-change.ts'
import { eventAttempts, eventChanges } from '../db/schema.ts'

/** What an event changed in one row, and when. */
export interface DatedChange extends RowChange {
  changedAt: Date
}

/** A failed attempt. */
export interface FailedAttempt {
  attempt: number
  failedAt: Date
  error: string
}

/** Empty where `KEEP_CHANGES` was off, when nothing changed, and after 30 days. */
export const changesOf = async (pool: pg.Pool, rowId: string): Promise<DatedChange[]> => {
  const rows = await queryBuilder(pool)
    .select({ changedAt: eventChanges.changedAt, changes: eventChanges.changes })
    .from(eventChanges)
    .where(eq(eventChanges.eventRowId, BigInt(rowId)))
    .orderBy(asc(eventChanges.changedAt))
  return rows.flatMap(({ changedAt, changes }) => changes.map((change) => ({ ...change, changedAt })))
}

/** An event's failed attempts, the oldest first; since a replay counts from one again, numbers may repeat. */
export const attemptsOf = async (pool: pg.Pool, rowId: string): Promise<FailedAttempt[]> => {
  const { attempt, failedAt, error } = eventAttempts
  return queryBuilder(pool)
    .select({ attempt, failedAt, error })
    .from(eventAttempts)
    .where(eq(eventAttempts.eventRowId, BigInt(rowId)))
    .orderBy(asc(failedAt))
    .limit(100)
}
