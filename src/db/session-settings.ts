import type pg from 'pg'
import { codeOf } from './transaction.ts'

/** Whether a session's value will do: where the role sets another one, it may differ, but not be off. */
const HOLDS: Record<string, (value: string) => boolean> = {
  statement_timeout: (value) => value !== '0',
  lock_timeout: (value) => value !== '0',
  idle_in_transaction_session_timeout: (value) => value !== '0',
  synchronous_commit: (value) => value === 'on' || value === 'remote_apply',
  plan_cache_mode: (value) => value === 'force_custom_plan',
  random_page_cost: (value) => Number(value) <= 2,
}

/**
 * Which of the settings that every session needs did not arrive: some poolers are set to drop them.
 * @throws when there is no connection.
 */
export const missingSettings = async (pool: pg.Pool): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any($1::text[]) order by name',
    [Object.keys(HOLDS)],
  )
  return rows.filter(({ name, setting }) => !HOLDS[name]?.(setting)).map(({ name }) => name)
}

/** Whether a pooler refuses the connection for what it should set. An outage has the same code. */
export const isRefusedByPooler = (error: unknown): boolean =>
  codeOf(error) === '08P01' && /unsupported startup parameter/.test((error as Error).message)
