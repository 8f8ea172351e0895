import type pg from 'pg'
import type { Cause } from '../notifications/alert.ts'
import { matching } from '../operations/matching.ts'

/** Dead events looked at, the newest ones. */
const MOST = 10_000

/** Event types that have dead events, which wait for somebody to replay or discard them. */
export const deadEvents = async (pool: pg.Pool): Promise<Cause[]> => {
  const ids = matching({ status: 'dead' }, { limit: MOST, order: 'newest' })
  const { rows } = await pool.query(
    `select e.provider, e.event_type as type, count(*)::int as count, max(e.received_at) as last,
            mode() within group (order by webhook_error_group(e.last_error)) as error
     from (${ids.text}) matched join webhook_events e on e.id = matched.id
     group by 1, 2`,
    ids.values,
  )
  return rows.map(({ provider, type, count, last, error }) => ({
    cause: `dead:${provider}:${type}`,
    kind: 'dead',
    text: `💀 ${provider}: events of the type ${type} failed on every attempt and are dead, most of them with: ${error ?? 'no error'}`,
    count,
    lastAt: last,
  }))
}
