import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { eventAttempts } from '../../db/schema.ts'
import { columns, statement } from '../../db/statement.ts'

/** An attempt that failed. */
export interface FailedAttempt {
  /** The event's row. */
  rowId: string
  attempt: number
  error: string
}

const { eventRowId, attempt, failedAt, error } = eventAttempts
/** In this order. */
export const NEW_ATTEMPT = columns(eventRowId, attempt, failedAt, error)

const q = sql.placeholder

const RECORD = statement<'rows' | 'now'>(
  'inbox_record_attempts',
  sql`
insert into ${eventAttempts} (${NEW_ATTEMPT})
select "rowId", attempt, ${q('now')}, error
from json_to_recordset(${q('rows')}::json) as v("rowId" bigint, attempt int, error text)`,
)

/** Keeps failed attempts with their events. */
export const recordAttempts = async (
  client: pg.ClientBase,
  attempts: FailedAttempt[],
  now: Date,
): Promise<void> => {
  if (attempts.length === 0) return
  await client.query(RECORD({ rows: JSON.stringify(attempts), now }))
}
