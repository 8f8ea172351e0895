import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { keepSession, type OnMoved } from './run-session.ts'

/** One run of the service, from its start to its end. */
export interface Run {
  /** Where it runs, for who reads the table. */
  place: string
  id: string
}

/**
 * A run lives for as long as its session holds this lock: Postgres frees it when the process is gone. So an unclean end
 * is noticed by whoever starts next, also under another host name, as a container that replaces another has.
 */
const LOCK = `hashtextextended(run_id::text, 0)`

const TAKE_LOCK = `select pg_advisory_lock(hashtextextended($1::uuid::text, 0))`

const BEGIN = `
with ended as materialized (
  select instance, cleanly_stopped_at is null as unclean from service_runs
  where cleanly_stopped_at is not null or pg_try_advisory_xact_lock(${LOCK})
  for update skip locked
), deleted as (
  delete from service_runs r using ended where r.instance = ended.instance
)
insert into service_runs (instance, run_id, started_at) values ($1, $2, $3)
returning exists (select from ended where unclean) as unclean`

/** Whoever started while the lock was lost has taken the run for ended and deleted its row. */
const BEGIN_AGAIN = `
insert into service_runs (instance, run_id, started_at) values ($1, $2, $3) on conflict (instance) do nothing`

/** A run that has begun. */
export interface BegunRun {
  /** Whether another run ended uncleanly: one of the events may have killed it. */
  afterUncleanEnd: boolean
  /** Lets go of the lock. */
  release: () => void
}

/**
 * Records the start of a run. Tries again for as long as the database is away. Should the lock's session be lost while
 * the run lives, or its server take no writes any more, the lock is taken again; whoever starts in between takes the run
 * for ended and is careful for nothing.
 *
 * @param pool of one connection, which is kept until it is released
 * @param onMoved called when the session is on another server than before, or on the same one started again: sessions
 * that were opened before it was lost are of no use
 */
export const beginRun = async (
  pool: pg.Pool,
  { place, id }: Run,
  now: Date,
  stopping: () => boolean,
  onMoved: OnMoved = () => {},
): Promise<BegunRun> => {
  const row = [`${place} ${id}`, id, now]
  while (!stopping()) {
    let session: pg.PoolClient | undefined
    try {
      session = await pool.connect()
      await session.query(TAKE_LOCK, [id])
      const { rows } = await session.query(BEGIN, row)
      const takeAgain = async (again: pg.PoolClient) => {
        await again.query(TAKE_LOCK, [id])
        await again.query(BEGIN_AGAIN, row)
      }
      const release = keepSession(pool, session, { takeAgain, onMoved })
      return { afterUncleanEnd: rows[0]?.unclean === true, release }
    } catch {
      session?.release(true)
      await sleep(1_000)
    }
  }
  return { afterUncleanEnd: false, release: () => {} }
}

/** Marks the run as ended cleanly. */
export const endRun = async (pool: pg.Pool, { id }: Run, now: Date): Promise<void> => {
  await pool.query('update service_runs set cleanly_stopped_at = $2 where run_id = $1', [id, now])
}
