import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { webhookDeliveries as d } from '../../db/schema.ts'
import { plainArray, statement } from '../../db/statement.ts'

/** Where a delivery is: its time leads to its day. */
export interface Place {
  id: string
  receivedAt: Date
}

const q = sql.placeholder

const BODIES = statement<'ids' | 'from' | 'until'>(
  'inbox_bodies',
  sql`
select ${d.id}, ${d.body} from ${d}
where ${d.id} = any(${q('ids')}::bigint[]) and ${d.receivedAt} >= ${q('from')} and ${d.receivedAt} <= ${q('until')}`,
)

/** Reads deliveries' bodies in one statement; one that retention has dropped is missing. */
export const readBodies = async (
  client: pg.PoolClient | pg.Pool,
  places: Place[],
): Promise<Map<string, Buffer>> => {
  if (places.length === 0) return new Map()
  const times = places.map(({ receivedAt }) => receivedAt.getTime())
  const from = new Date(times.reduce((a, b) => Math.min(a, b)))
  // A time that another program wrote may have microseconds, which a Date cannot hold.
  const until = new Date(times.reduce((a, b) => Math.max(a, b)) + 1)
  const ids = plainArray(places.map(({ id }) => id))
  // In hex: pg reads every field as UTF-8, whatever its option `binary` says.
  const { rows } = await client.query<{ id: string; body: Buffer }>(BODIES({ ids, from, until }))
  return new Map(rows.map(({ id, body }) => [id, body]))
}
