import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookEvents as e, webhookQueue as w } from '../../db/schema.ts'
import { statement } from '../../db/statement.ts'

/** What is due for a provider. Another worker may have claimed it already. */
export interface Found {
  /** Deliveries in the queue. */
  queued: boolean
  /** Pending events that go together. */
  due: boolean
  /** Events that failed before, which go alone. */
  failed: boolean
}

const q = sql.placeholder
const due = sql`${e.provider} = ${q('provider')} and ${e.status} = 'pending' and ${e.nextAttemptAt} <= ${q('now')}`

const LOOK = statement<'provider' | 'now'>(
  'inbox_look',
  sql`
select exists (select from ${w} where ${w.provider} = ${q('provider')}) as queued,
       exists (select from ${e} where ${due} and ${e.attempts} = 0) as due,
       exists (select from ${e} where ${due} and ${e.attempts} > 0) as failed`,
)

/** Looks, in one statement, whether a transaction is worth beginning. */
export const look = async (pool: pg.Pool, provider: string, now: Date): Promise<Found> => {
  const { rows } = await pool.query<Found>(LOOK({ provider, now }))
  return rows[0] ?? { queued: false, due: false, failed: false }
}
