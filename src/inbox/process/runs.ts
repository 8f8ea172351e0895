import { setTimeout as sleep } from 'node:timers/promises'
import { eq, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type pg from 'pg'
import { keepSession, type OnMoved } from '../../db/kept-session.ts'
import { queryBuilder } from '../../db/query-builder.ts'
import { serviceRuns } from '../../db/schema.ts'
import { column, columns, toStatement } from '../../db/statement.ts'

/** One run of the service, from its start to its end. */
export interface Run {
  /** Where it runs, for people who read the table. */
  place: string
  id: string
}

/**
 * A run lives for as long as its session holds this lock: Postgres frees it when the process is gone. So the next run
 * that starts notices an unclean end, also under another host name, as when one container replaces another.
 */
const lockOf = (run: SQLWrapper): SQL => sql`hashtextextended(${run}::text, 0)`

const { instance, runId, startedAt, cleanlyStoppedAt } = serviceRuns

const takeLock = ({ id }: Run) => toStatement(sql`select pg_advisory_lock(${lockOf(sql`${id}::uuid`)})`)

const insertRun = ({ place, id }: Run, now: Date): SQL => sql`
insert into ${serviceRuns} (${columns(instance, runId, startedAt)}) values (${`${place} ${id}`}, ${id}, ${now})`

const begin = (run: Run, now: Date) =>
  toStatement(sql`
with ended as materialized (
  select ${instance}, ${cleanlyStoppedAt} is null as unclean from ${serviceRuns}
  where ${cleanlyStoppedAt} is not null or pg_try_advisory_xact_lock(${lockOf(runId)})
  for update skip locked
), deleted as (
  delete from ${serviceRuns} using ended where ${instance} = ended.${column(instance)}
)
${insertRun(run, now)}
returning exists (select from ended where unclean) as unclean`)

/** A run that started while the lock was lost took this one for ended and deleted its row. */
const beginAgain = (run: Run, now: Date) =>
  toStatement(sql`${insertRun(run, now)} on conflict (${column(instance)}) do nothing`)

/** A run that has begun. */
export interface BegunRun {
  /** Whether another run ended uncleanly: one of the events may have killed it. */
  afterUncleanEnd: boolean
  /** Releases the lock. */
  release: () => void
}

/**
 * Records the start of a run. Tries again for as long as the database is away. If the lock's session is lost while the
 * run lives, or its server no longer takes writes, the lock is taken again. A run that starts in between takes this one
 * for ended, and is careful without need.
 *
 * @param pool of one connection, which is kept until it is released
 * @param onMoved called when the session is on another server than before, or on the same one started again: sessions
 * that were opened before it was lost are of no use
 */
export const beginRun = async (
  pool: pg.Pool,
  run: Run,
  now: Date,
  closing: () => boolean,
  onMoved: OnMoved = () => {},
): Promise<BegunRun> => {
  while (!closing()) {
    let session: pg.PoolClient | undefined
    try {
      session = await pool.connect()
      await session.query(takeLock(run))
      const { rows } = await session.query(begin(run, now))
      const takeAgain = async (again: pg.PoolClient) => {
        await again.query(takeLock(run))
        await again.query(beginAgain(run, now))
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
  await queryBuilder(pool).update(serviceRuns).set({ cleanlyStoppedAt: now }).where(eq(runId, id))
}
