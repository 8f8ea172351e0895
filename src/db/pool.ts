import type { Duplex } from 'node:stream'
import pg from 'pg'
import { connectionTo } from './connection.ts'

/** Limits of one pool, in milliseconds. */
export interface Limits {
  connectionTimeoutMillis: number
  /** Client-side limit: ends the wait for a server that hangs, when the server's own limits do not work. */
  query_timeout: number
  /** Ends statements that are slow. */
  statement_timeout: number
}

/** What every session of the service has. */
const SESSION_LIMITS = { lock_timeout: 2_000, idle_in_transaction_session_timeout: 10_000 }

/** Settings of a session, by name. */
export type Session = Record<string, string | number>

/** Whatever the server's or the role's defaults are. docs/decisions.md has the measurements for the last two. */
const SESSION: Session = {
  /** Promise 1. */
  synchronous_commit: 'on',
  /** A plan made while the inbox was nearly empty would scan the whole inbox 500 times for one batch. */
  plan_cache_mode: 'force_custom_plan',
  /** Pages are in memory or on an SSD; the default, for disks that turn, reads whole tables for some hundred rows. */
  random_page_cost: 1.1,
}

/** The longest life of a session, so that a change behind the address is noticed in the end. */
export const MAX_LIFETIME_SECONDS = 600

/** A pool of connections. */
export interface SessionPool {
  pool: pg.Pool
  /**
   * Ends every session that was opened before that time (of `performance.now()`) at once, also one in the middle of a
   * statement, which fails with a lost connection.
   */
  endSessions: (openedBefore: number) => void
}

/** Opens a pool. `onLost` is called for connections that are lost while idle. */
export const openSessionPool = (
  databaseUrl: string,
  options: {
    application_name: string
    max: number
    limits: Limits
    session?: Session | undefined
    onLost: (error: Error) => void
  },
): SessionPool => {
  const pool = new pg.Pool({
    ...connectionTo(databaseUrl),
    application_name: options.application_name,
    max: options.max,
    keepAlive: true,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    ...SESSION_LIMITS,
    options: Object.entries({ ...SESSION, ...options.session })
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    ...options.limits,
  })
  const sessions = new Map<pg.PoolClient, number>()
  pool.on('error', options.onLost)
  pool.on('connect', (client) => {
    sessions.set(client, performance.now())
    client.on('error', () => {}) // the running statement rejects as well; unheard it would end the process
  })
  pool.on('remove', (client) => sessions.delete(client))
  return {
    pool,
    endSessions: (openedBefore) => {
      for (const [session, openedAt] of sessions) {
        if (openedAt >= openedBefore) continue
        const { connection } = session as unknown as { connection: { stream: Duplex } }
        connection.stream.destroy()
      }
    },
  }
}
