import type pg from 'pg'

/** Milliseconds between two checks of the session, and between attempts to get another one. */
const LOOK_EVERY = 1_000
const TRY_EVERY = 250

/** Which start of which server a session is on, and whether that takes writes. */
const SERVER = `select pg_is_in_recovery() as standby, pg_postmaster_start_time()::text as started,
  inet_server_addr()::text as address, inet_server_port() as port`

export type OnMoved = (lostAt: number) => void

const serverOf = async (session: pg.PoolClient): Promise<string> => {
  const { rows } = await session.query(SERVER)
  const { standby, ...server } = rows[0]
  if (standby) throw new Error('this server is a standby')
  return JSON.stringify(server)
}

/**
 * Keeps a session for as long as its server answers and takes writes, else gets another one.
 *
 * @param options.takeAgain does in a new session what the first one was opened for
 * @param options.onMoved called when the new session is on another server, or on the same one started again: sessions
 * from before `lostAt` (of `performance.now()`) are of no use
 * @returns a function that ends the session
 */
export const keepSession = (
  pool: pg.Pool,
  first: pg.PoolClient,
  { takeAgain, onMoved }: { takeAgain: (session: pg.PoolClient) => Promise<void>; onMoved: OnMoved },
): (() => void) => {
  let session: pg.PoolClient | undefined = first
  let server: string | undefined
  let released = false
  let lostAt = 0
  let timer: NodeJS.Timeout

  const drop = () => {
    session?.release(true)
    session = undefined
  }
  const look = async (): Promise<void> => {
    try {
      if (session === undefined) {
        session = await pool.connect()
        if (released) return drop()
        const now = await serverOf(session)
        if (server !== undefined && now !== server) onMoved(lostAt)
        server = now
        await takeAgain(session)
      } else server = await serverOf(session)
    } catch {
      if (session !== undefined) lostAt = performance.now()
      drop() // database errors are reported where the database is used
    }
  }
  const lookAgain = () => {
    timer = setTimeout(
      () => {
        void look().then(() => {
          if (released) drop()
          else lookAgain()
        })
      },
      session === undefined ? TRY_EVERY : LOOK_EVERY,
    )
    timer.unref()
  }
  lookAgain()
  return () => {
    released = true
    clearTimeout(timer)
    drop()
  }
}
