import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookDeliveries as d } from '../db/schema.ts'
import { statement } from '../db/statement.ts'
import type { ProviderName } from '../providers/index.ts'

/** What was accepted; `more` says that it was more than that. */
export interface AcceptedDeliveries {
  deliveries: number
  events: number
  more: boolean
}

/**
 * Ids follow the times of arrival, but not to the second: a body takes its time to come in, and replicas' clocks differ.
 * In milliseconds.
 */
const SLACK = 15 * 60_000
const MAX_COUNTED = 100_000
const LARGE = 500_000

const q = sql.placeholder

const ENDS = statement<never>(
  'operations_delivery_ends',
  sql`select coalesce(min(${d.id}), 0) as first, coalesce(max(${d.id}), 0) + 1 as last from ${d}`,
)

const NEXT = statement<'id'>(
  'operations_delivery_next',
  sql`select ${d.id}, ${d.receivedAt} as "receivedAt" from ${d} where ${d.id} >= ${q('id')} order by ${d.id} limit 1`,
)

const COUNT = statement<'provider' | 'from' | 'to' | 'first' | 'last' | 'most'>(
  'operations_delivery_count',
  sql`
select count(*)::int as deliveries, coalesce(sum(event_count), 0)::int as events from (
  select ${d.eventCount} from ${d}
  where ${d.provider} = ${q('provider')} and ${d.id} >= ${q('first')}::bigint and ${d.id} < ${q('last')}::bigint
    and ${d.receivedAt} >= ${q('from')} and ${d.receivedAt} < ${q('to')}
  limit ${q('most')}
) counted`,
)

/**
 * How many deliveries of each provider were accepted in a stretch of time, with their events. Those whose events were
 * all known are not among them: they are answered and not stored. No index covers the time, so in a large inbox the ids
 * of that stretch are found first, by binary search.
 * @param large the number of ids from which an inbox counts as large.
 */
export const countDeliveries = async (
  pool: pg.Pool,
  providers: readonly ProviderName[],
  { from, to }: { from: Date; to: Date },
  large = LARGE,
): Promise<AcceptedDeliveries[]> => {
  const { rows: ends } = await pool.query<{ first: string; last: string }>(ENDS({}))
  const all = { low: BigInt(ends[0]?.first ?? 0), high: BigInt(ends[0]?.last ?? 0) }
  const [first, last] =
    all.high - all.low < large
      ? [all.low, all.high]
      : await Promise.all([
          firstIdAt(pool, new Date(from.getTime() - SLACK), all),
          firstIdAt(pool, new Date(to.getTime() + SLACK), all),
        ])
  return Promise.all(
    providers.map(async (provider) => {
      const { rows } = await pool.query<{ deliveries: number; events: number }>(
        COUNT({ provider, from, to, first: String(first), last: String(last), most: MAX_COUNTED + 1 }),
      )
      const { deliveries = 0, events = 0 } = rows[0] ?? {}
      return { deliveries: Math.min(deliveries, MAX_COUNTED), events, more: deliveries > MAX_COUNTED }
    }),
  )
}

/** The first id that was received then or later; after the last one when nothing was. */
const firstIdAt = async (
  pool: pg.Pool,
  at: Date,
  { low, high }: { low: bigint; high: bigint },
): Promise<bigint> => {
  while (low < high) {
    const middle = (low + high) / 2n
    const { rows } = await pool.query<{ id: string; receivedAt: Date }>(NEXT({ id: String(middle) }))
    const [next] = rows
    if (next === undefined || next.receivedAt >= at) high = middle
    else low = BigInt(next.id) + 1n
  }
  return low
}
