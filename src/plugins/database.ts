import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import pg from 'pg'
import type { Config } from '../config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Pools of their own, so that batches cannot keep deliveries waiting, nor upkeep either of them. */
    database: { accept: pg.Pool; process: pg.Pool; upkeep: pg.Pool }
  }
}

/** Milliseconds. Connecting and storing together stay below the 5 s in which a delivery is answered. */
const ACCEPT = { connectionTimeoutMillis: 1_500, query_timeout: 2_900, statement_timeout: 2_800 }
const UPKEEP = { connectionTimeoutMillis: 3_000, query_timeout: 11_000, statement_timeout: 10_000 }
const UPKEEP_CONNECTIONS = 2
export const PROCESS = { connectionTimeoutMillis: 3_000, query_timeout: 20_000, statement_timeout: 19_000 }

/** Whatever the server's or the role's defaults are. docs/performance.md tells what the last two are worth. */
const SESSION = {
  /** Promise 1. */
  synchronous_commit: 'on',
  /** A plan kept from when the inbox was nearly empty reads all of it, 500 times, for a batch. */
  plan_cache_mode: 'force_custom_plan',
  /** Pages are in memory or on an SSD; the default, for disks that turn, reads whole tables for some hundred rows. */
  random_page_cost: 1.1,
}

/** Accepting has one statement, which takes longer to plan than to run. Its plan must not be one of an empty inbox. */
const ACCEPT_SESSION = { ...SESSION, plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' }

/**
 * A pool of connections. `statement_timeout` ends statements that are slow; `query_timeout` ends the wait for a server
 * that hangs, which no server-side limit can. A connection lost while checked out would end the process without the
 * second listener.
 */
export const openPool = (
  app: FastifyInstance,
  config: Config,
  {
    name,
    max,
    timeouts,
    session = SESSION,
  }: { name: string; max: number; timeouts: typeof ACCEPT; session?: Record<string, string | number> },
): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: config.DATABASE_URL,
    application_name: `${config.DD_SERVICE} ${name}`,
    max,
    keepAlive: true,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
    options: Object.entries(session)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    ...timeouts,
  })
  pool.on('error', (error) =>
    app.trouble.report({ err: error, pool: name }, 'idle connection lost', { of: name }),
  )
  pool.on('connect', (client) => client.on('error', () => {})) // the running statement rejects as well
  return pool
}

/** Postgres, for accepting, for processing and for upkeep. */
export const databasePlugin = fp<{ config: Config }>(
  async (app, { config }) => {
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
    app.addHook('onClose', async () => {
      await Promise.all(Object.values(database).map((pool) => pool.end()))
    })
  },
  { name: 'database', dependencies: ['trouble'] },
)
