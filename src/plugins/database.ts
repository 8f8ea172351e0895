import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type pg from 'pg'
import type { Config } from '../config.ts'
import { type Limits, openSessionPool, type Session, type SessionPool } from '../db/pool.ts'
import { isRefusedByPooler, missingSettings } from '../db/session-settings.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Pools of their own, so that batches cannot keep deliveries waiting, nor upkeep either of them. */
    database: { accept: pg.Pool; process: pg.Pool; upkeep: pg.Pool }
    /** Every pool that {@link openPool} has opened. */
    sessionPools: SessionPool[]
    /**
     * Ends the sessions of all pools that were opened before that time (of `performance.now()`): they are on a server
     * that is gone or takes no writes any more.
     */
    endSessions: (openedBefore: number) => void
  }
}

/** Connecting and storing together stay below the 5 s in which a delivery is answered. */
const ACCEPT = { connectionTimeoutMillis: 1_500, query_timeout: 2_900, statement_timeout: 2_800 }
const UPKEEP = { connectionTimeoutMillis: 3_000, query_timeout: 11_000, statement_timeout: 10_000 }
const UPKEEP_CONNECTIONS = 2
const PROCESS = { connectionTimeoutMillis: 3_000, query_timeout: 20_000, statement_timeout: 19_000 }
/** Short, because the queries of the run's session have to notice a server that hangs. */
export const RUN = { connectionTimeoutMillis: 1_500, query_timeout: 2_000, statement_timeout: 1_900 }

/** Accepting has one statement, which takes longer to plan than to run. Its plan must not be one of an empty inbox. */
const ACCEPT_SESSION: Session = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' }

/**
 * Opens a pool; the caller closes it.
 *
 * @param options.direct bypasses a pooler, for sessions that hold something from one transaction to the next
 */
export const openPool = (
  app: FastifyInstance,
  config: Config,
  options: { name: string; max: number; timeouts: Limits; direct?: boolean; session?: Session },
): pg.Pool => {
  const { name, max, timeouts, direct = false, session } = options
  const url = direct ? (config.DATABASE_DIRECT_URL ?? config.DATABASE_URL) : config.DATABASE_URL
  const sessions = openSessionPool(url, {
    application_name: `${config.DD_SERVICE} ${name}`,
    max,
    limits: timeouts,
    session,
    onLost: (error) => app.trouble.report({ err: error, pool: name }, 'idle connection lost', { of: name }),
  })
  app.sessionPools.push(sessions)
  return sessions.pool
}

const CHECK_AGAIN_AFTER = 1_000
export const SETTINGS_REFUSED =
  'the pooler refuses the settings of the sessions: set its ignore_startup_parameters (docs/pgbouncer.md)'
const SETTINGS_DROPPED =
  'the sessions lack settings, dropped by a pooler: set them for the role (docs/pgbouncer.md)'

/** Postgres, for accepting, for processing and for upkeep. */
export const databasePlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    app.decorate('sessionPools', [])
    app.decorate('endSessions', (openedBefore) => {
      for (const { endSessions } of app.sessionPools) endSessions(openedBefore)
    })
    const forProcessing = Math.max(1, Math.floor(config.DATABASE_POOL_MAX / 2))
    const forAccepting = config.DATABASE_POOL_MAX - forProcessing
    const database = {
      accept: openPool(app, config, {
        name: 'accept',
        max: forAccepting,
        timeouts: ACCEPT,
        session: ACCEPT_SESSION,
      }),
      process: openPool(app, config, { name: 'process', max: forProcessing, timeouts: PROCESS }),
      upkeep: openPool(app, config, { name: 'upkeep', max: UPKEEP_CONNECTIONS, timeouts: UPKEEP }),
    }
    app.decorate('database', database)
    /** Checked once, as soon as there is a connection: a pooler may drop the settings of our sessions. */
    const checkSettings = async (): Promise<void> => {
      while (!app.closing()) {
        try {
          const missing = await missingSettings(database.process)
          if (missing.length > 0) app.log.warn({ missing }, SETTINGS_DROPPED)
          return
        } catch (error) {
          if (isRefusedByPooler(error)) return app.log.error({ err: error }, SETTINGS_REFUSED)
          await sleep(CHECK_AGAIN_AFTER)
        }
      }
    }
    app.addHook('onReady', async () => void checkSettings())
    app.addHook('onClose', async () => {
      await Promise.all(Object.values(database).map((pool) => pool.end()))
    })
  },
  { name: 'database', dependencies: ['close', 'trouble'] },
)
