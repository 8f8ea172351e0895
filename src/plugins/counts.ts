import { lt, sql } from 'drizzle-orm'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { minuteCounts } from '../db/schema.ts'
import { column, columns, excluded, statement } from '../db/statement.ts'
import { type Counts, createCounts, type MinuteCount } from '../inbox/counts.ts'
import { loggable } from '../logger.ts'

declare module 'fastify' {
  interface FastifyInstance {
    counts: Counts
  }
}

const FLUSH_EVERY = 5_000
/** Milliseconds: a Postgres that hangs must not delay the shutdown. */
const CLOSE_WITHIN = 1_000
/** Eight days. */
const KEPT = 8 * 86_400_000
/** Flushes between two deletions of what is older: an hour. */
const FLUSHES_PER_DELETION = 720

const { minute, provider, outcome, reason, count } = minuteCounts

/**
 * One statement, whatever was counted; rows in one order, so that two replicas wait for each other and never deadlock.
 */
const ADD = statement<'counts'>(
  'counts_add',
  sql`
insert into ${minuteCounts} (${columns(minute, provider, outcome, reason, count)})
select minute, provider, outcome, reason, count
from json_to_recordset(${sql.placeholder('counts')}::json)
  as row(minute timestamptz, provider text, outcome text, reason text, count bigint)
order by minute, provider, outcome, reason
on conflict (${columns(minute, provider, outcome, reason)}) do update set ${column(count)} = ${count} + ${excluded(count)}`,
)

const storeCounts = async (pool: pg.Pool, counts: MinuteCount[]): Promise<void> => {
  await pool.query(ADD({ counts: JSON.stringify(counts) }))
}

/** Counts per minute for the console and the command line, flushed to Postgres every few seconds. */
export const countsPlugin = fp<{ clock: () => Date }>(
  async (app, { clock }) => {
    const counts = createCounts(clock)
    app.decorate('counts', counts)
    const pool = app.database.process
    let flushes = 0

    const flush = async (): Promise<void> => {
      const taken = counts.take()
      try {
        if (taken.length > 0) await storeCounts(pool, taken)
      } catch (error) {
        // If the commit did happen, they count twice: rare, and better than not at all.
        counts.giveBack(taken)
        app.log.debug({ reason: loggable(error).message }, 'counts not stored')
        return
      }
      if (flushes++ % FLUSHES_PER_DELETION > 0) return
      await queryBuilder(pool)
        .delete(minuteCounts)
        .where(lt(minute, new Date(clock().getTime() - KEPT)))
        .catch((error) => app.log.debug({ reason: loggable(error).message }, 'old counts not deleted'))
    }

    let flushing = Promise.resolve()
    const timer = setInterval(() => {
      flushing = flushing.then(flush)
    }, FLUSH_EVERY)
    timer.unref()
    app.addHook('onClose', async () => {
      clearInterval(timer)
      const last = flushing.then(flush)
      await Promise.race([last, new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN).unref())])
    })
  },
  { name: 'counts', dependencies: ['database'] },
)
