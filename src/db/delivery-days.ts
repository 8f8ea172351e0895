import type pg from 'pg'
import { untilUnlocked } from './until-unlocked.ts'

/** Days made ahead of today. */
const AHEAD = 2

/** A day of deliveries, as its partition is named: UTC. */
const dayOf = (time: Date): string => time.toISOString().slice(0, 10)

/**
 * Makes the partitions of today and the days after it. @returns how many it made.
 * @throws when a long read keeps its lock for as long as this tries again; nothing is refused for lack of a day.
 */
export const makeDays = async (client: Pick<pg.Pool, 'query'>, now: Date): Promise<number> =>
  untilUnlocked(async () => {
    const { rows } = await client.query('select webhook_make_days($1, $2) as made', [dayOf(now), AHEAD])
    return rows[0]?.made
  })

/** Drops a day. @returns how many deliveries something still needs; undefined when there is no such day. */
export const dropDay = async (pool: pg.Pool, day: string): Promise<number | undefined> =>
  untilUnlocked(async () => {
    const { rows } = await pool.query('select webhook_drop_day($1) as moved', [day])
    return rows[0]?.moved ?? undefined
  })

/** The days that end before then, oldest first. */
export const daysBefore = async (pool: pg.Pool, time: Date): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string }>(
    `select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
     where inhparent = 'webhook_deliveries'::regclass order by 1`,
  )
  return rows.flatMap(({ name }) => {
    const [, year, month, day] = /_(\d{4})(\d\d)(\d\d)$/.exec(name) ?? []
    const date = `${year}-${month}-${day}`
    return year !== undefined && Date.parse(date) + 86_400_000 <= time.getTime() ? [date] : []
  })
}
