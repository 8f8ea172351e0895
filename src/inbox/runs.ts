import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

export interface Run {
  /** The same for every run of one instance: host and port. */
  instance: string
  id: string
}

/**
 * Records the start of a run and tells whether the previous one of the same instance ended uncleanly: then one of
 * the events may have killed it. Tries again for as long as the database is away.
 */
export const beginRun = async (
  pool: pg.Pool,
  run: Run,
  now: Date,
  stopping: () => boolean,
): Promise<boolean> => {
  while (!stopping()) {
    try {
      const { rows } = await pool.query(
        `insert into service_runs (instance, run_id, started_at) values ($1, $2, $3)
         on conflict (instance) do update set run_id = $2, started_at = $3, cleanly_stopped_at = null
         returning old.run_id is not null and old.cleanly_stopped_at is null as unclean`,
        [run.instance, run.id, now],
      )
      return rows[0]?.unclean === true
    } catch {
      await sleep(1_000)
    }
  }
  return false
}

/** Marks the run as ended cleanly, unless a newer run of the instance has begun. */
export const endRun = async (pool: pg.Pool, run: Run, now: Date): Promise<void> => {
  await pool.query('update service_runs set cleanly_stopped_at = $3 where instance = $1 and run_id = $2', [
    run.instance,
    run.id,
    now,
  ])
}
