import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { errorGroup } from '../db/error-group.ts'
import { webhookEvents as e } from '../db/schema.ts'
import { toStatement } from '../db/statement.ts'
import type { Cause } from '../notifications/alert.ts'
import { matching } from '../operations/matching.ts'

/** Dead events looked at, the newest ones. */
const MAX_DEAD = 10_000

/** Event types that have dead events, which wait for somebody to replay or discard them. */
export const deadEvents = async (pool: pg.Pool): Promise<Cause[]> => {
  const ids = matching({ status: 'dead' }, { limit: MAX_DEAD, order: 'newest' })
  const { rows } = await pool.query(
    toStatement(sql`
      select ${e.provider}, ${e.eventType} as type, count(*)::int as count, max(${e.receivedAt}) as last,
             mode() within group (order by ${errorGroup(e.lastError)}) as error
      from (${ids}) matched join ${e} on ${e.id} = matched.id
      group by 1, 2`),
  )
  return rows.map(({ provider, type, count, last, error }) => ({
    cause: `dead:${provider}:${type}`,
    kind: 'dead',
    text: `💀 ${provider}: events of the type ${type} failed on every attempt and are dead, most of them with: ${error ?? 'no error'}`,
    count,
    lastAt: last,
  }))
}
