import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'

/** A Drizzle handle bound to one open transaction. */
export type Transaction = NodePgDatabase & { $client: pg.ClientBase }

/**
 * Runs `work` in a transaction on a client of its own and commits.
 *
 * Use this, never Drizzle's `db.transaction()` on a pool: when Postgres hangs, that one returns its client to
 * the pool inside the open transaction, and the next insert on it reports success without ever being committed
 * (drizzle-orm issues 6114, 6241). Here a client whose state is unknown is destroyed.
 *
 * @param settings SQL that sets what holds until its end: `set local …`
 * @throws what `work` throws, or the connection's error; nothing is committed then, except that a COMMIT which
 * timed out may have happened: repeat what can be repeated.
 */
export const inTransaction = async <T>(
  pool: pg.Pool,
  work: (tx: Transaction, client: pg.PoolClient) => Promise<T>,
  settings = '',
): Promise<T> => {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query(settings === '' ? 'begin' : `begin; ${settings}`)
    const result = await work(drizzle({ client, casing: 'snake_case' }), client)
    await client.query('commit')
    return result
  } catch (error) {
    const cause = causeOf(error)
    if (isUsableAfter(cause)) {
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError
      })
    } else {
      broken = cause
    }
    throw error
  } finally {
    client.release(broken)
  }
}

/** The error below Drizzle's wrapper, whose own message would hold the SQL with all its parameters. */
export const causeOf = (error: unknown): Error => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause : new Error(String(cause))
}

/** What pg itself says when the connection, not the statement, is at fault; these errors carry no SQLSTATE. */
const CONNECTION_MESSAGES =
  /^(Query read timeout|Connection terminated|timeout (exceeded|expired)|Client (has encountered|was closed|has already)|Cannot use a pool after)/
const SOCKET_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOENT)/

const CONTENTION_SQLSTATE = /^(40|55P03|57014)/
/** Connection, resources, operator's intervention, system error, a session that was ended, a standby. */
const OUTAGE_SQLSTATE = /^(08|53|57P|58|25P0[234]|25006)/

/** Lost, ended by the server, or on a server that takes no writes: a connection that would only fail again. */
const LOST_SESSION_SQLSTATE = /^(08|57P|25P0[34]|25006)/

/**
 * Whether a session can be rolled back and used again. A time-out or socket error leaves its state unknown, and one on a
 * standby would answer everything but writes for as long as it is kept.
 */
const isUsableAfter = (cause: Error): boolean =>
  cause instanceof pg.DatabaseError
    ? !LOST_SESSION_SQLSTATE.test(cause.code ?? '')
    : !isConnectionError(cause)

const isConnectionError = (cause: Error): boolean =>
  !(cause instanceof pg.DatabaseError) &&
  (CONNECTION_MESSAGES.test(cause.message) || SOCKET_CODES.test(codeOf(cause) ?? ''))

/** The SQLSTATE or Node's error code, if there is one. */
export const codeOf = (error: unknown): string | undefined => {
  const { code } = causeOf(error) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/**
 * Whether an error is the database's or the network's passing trouble (deadlock, serialization failure, lost
 * connection, time-out, shutdown), so that trying again is right and no attempt is counted.
 */
export const isTransient = (error: unknown): boolean => isContention(error) || isOutage(error)

/** Deadlock, serialization failure, lock or statement time-out: others are in the way of these very rows. */
export const isContention = (error: unknown): boolean => {
  const cause = causeOf(error)
  return cause instanceof pg.DatabaseError && CONTENTION_SQLSTATE.test(cause.code ?? '')
}

/** The server is away, going, full or hung: whatever is tried now fails. */
export const isOutage = (error: unknown): boolean => {
  const cause = causeOf(error)
  if (cause instanceof pg.DatabaseError) return OUTAGE_SQLSTATE.test(cause.code ?? '')
  return isConnectionError(cause)
}
