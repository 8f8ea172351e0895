import { isIP, Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls'
import pg from 'pg'
import { parseIntoClientConfig } from 'pg-connection-string'

/** Milliseconds for a server to accept the login and to say whether it takes writes. */
const ANSWER_WITHIN = 1_000

/** Who logs in, and how. */
interface Login {
  user?: string
  password?: string
  database?: string
  ssl?: boolean | ConnectionOptions
}

/** A server as `pg` connects to it. */
type Server = Login & { host: string; port: number }

/** Settings for `pg`, its pools and pg-boss. */
export type WritableServer = Login & { host: string; stream: () => Socket }

/** TLS as `pg` hands it to a new connection, which may still change it. */
interface NewConnection {
  ssl?: boolean | Record<string, unknown>
}

/**
 * Settings for `pg` with which every new connection, of a pool, of pg-boss or for LISTEN, asks all servers at once and
 * goes to the one that takes writes.
 *
 * When no server takes writes, connecting fails with code ECONNREFUSED. If two take writes, the quicker one wins: the
 * failover tooling must keep the old primary down.
 *
 * @param urls one for each server; their names, passwords and parameters are the same
 */
export const writableServer = (urls: string[]): WritableServer => {
  const servers = urls.map((url): Server => {
    const { host = 'localhost', port = 5432, ...login } = parseIntoClientConfig(url)
    return { ...(login as Login), host: host === '' ? 'localhost' : host, port }
  })
  let looking: Promise<Server> | undefined
  /** Many connections are often opened at the same time. */
  const find = (): Promise<Server> => {
    looking ??= Promise.any(servers.map(askWhetherWritable)).finally(() => {
      looking = undefined
    })
    return looking
  }
  const stream = (connection?: NewConnection): Socket => {
    const socket = writerSocket(find)
    if (connection?.ssl) connection.ssl = checkedFor(socket, connection.ssl)
    return socket
  }
  const { host: _host, port: _port, ...login } = servers[0] as Server
  // The address is not used. As a number it keeps `pg` from checking certificates for it.
  return { ...login, host: '0.0.0.0', stream }
}

const askWhetherWritable = async (server: Server): Promise<Server> => {
  const client = new pg.Client({
    ...server,
    connectionTimeoutMillis: ANSWER_WITHIN,
    query_timeout: ANSWER_WITHIN,
  })
  client.on('error', () => {}) // connect() or query() rejects as well
  try {
    await client.connect()
    // Also on in a standby.
    const { rows } = await client.query('show transaction_read_only')
    if (rows[0]?.transaction_read_only === 'off') return server
    throw new Error(`${server.host}:${server.port} takes no writes`)
  } finally {
    client.end().catch(() => {})
  }
}

/** A socket that chooses where it connects to, whatever `pg` says. */
interface WriterSocket extends Socket {
  /** Once it is known. */
  server?: Server
}

const writerSocket = (find: () => Promise<Server>): WriterSocket => {
  const socket: WriterSocket = new Socket()
  const connect = socket.connect.bind(socket) as (
    to: { port: number; host: string } | { path: string },
  ) => Socket
  socket.connect = () => {
    find().then(
      (server) => {
        // A socket that is destroyed meanwhile would come back to life.
        if (socket.destroyed) return
        socket.server = server
        const { host, port } = server
        connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
      },
      ({ errors }: AggregateError) => {
        const why = errors.map((error: Error) => error.message).join('; ')
        const error = new Error(`no server of DATABASE_URL takes writes: ${why}`)
        // Without a cause: `codeOf` would look there, and find no code.
        socket.destroy(Object.assign(error, { code: 'ECONNREFUSED' }))
      },
    )
    return socket
  }
  return socket
}

/** The certificate has to be for the server that the socket went to. */
const checkedFor = (socket: WriterSocket, ssl: true | Record<string, unknown>): Record<string, unknown> => {
  const given = ssl === true ? {} : ssl
  return {
    checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
      checkServerIdentity(socket.server?.host ?? '', certificate),
    ...given,
    // `pg` hides the key from listings, and so from the spread above.
    ...('key' in given ? { key: given.key } : {}),
    get servername() {
      const host = socket.server?.host ?? ''
      return isIP(host) === 0 ? host : undefined
    },
  }
}
