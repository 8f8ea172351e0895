import { findProgram } from './debian-program.ts'
import { onPort } from './port.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

const PROGRAM = {
  package: 'redis-server',
  path: 'usr/bin/redis-server',
  hint:
    'Install Redis 6 or later (Debian: `apt-get install redis-server`, macOS: `brew install redis`); ' +
    '`npm run dev` can also use one that runs already: set REDIS_URL.',
}

/** Logical databases of the server: enough for each test file to have its own. */
export const REDIS_DATABASES = 1_024

/** The certificate files of a server that speaks only TLS. */
export interface TlsFiles {
  certificate: string
  key: string
  authority: string
}

/** A Redis server started here. */
export interface RedisServer {
  url: string
  port: number
  /** 0 while it is stopped. */
  pid: () => number
  stop: () => Promise<void>
  /** Starts it again on the same port, empty. */
  start: () => Promise<void>
}

/**
 * Starts an empty Redis that writes nothing to disk, on loopback only. It ends with this process.
 *
 * Takes `redis-server` from the PATH, else from `.cache/redis`, where Debian's package is unpacked the first time.
 *
 * @throws with how to get one when it is missing and cannot be fetched, and when `port` is taken.
 */
export const startRedis = async ({
  port: wantedPort,
  tls,
}: {
  port?: number
  tls?: TlsFiles
} = {}): Promise<RedisServer> => {
  const launch = (port: number): Promise<ServerProcess> =>
    startRedisProcess({
      ...(tls === undefined ? { port } : withTls(port, tls)),
      databases: REDIS_DATABASES,
      // A replica need not wait for others that may want the same copy.
      'repl-diskless-sync-delay': 0,
    })
  let server: ServerProcess
  const port = await onPort(wantedPort, async (chosen) => {
    server = await launch(chosen)
    return chosen
  })
  return {
    url: tls === undefined ? `redis://127.0.0.1:${port}` : `rediss://localhost:${port}`,
    port,
    pid: () => (server.isRunning() ? server.pid : 0),
    stop: () => server.end('SIGKILL'),
    start: async () => {
      if (!server.isRunning()) server = await launch(port)
    },
  }
}

/**
 * Starts a `redis-server` on loopback that writes no data to disk.
 *
 * @param settings of its configuration, over these
 * @throws when its port is taken
 */
export const startRedisProcess = async (
  settings: Record<string, string | number>,
  folderToDelete?: string,
): Promise<ServerProcess> => {
  const { command, env } = await findProgram(PROGRAM)
  const all = { bind: '127.0.0.1', save: '', appendonly: 'no', ...settings }
  return startServerProcess({
    command,
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...String(value).split(' ')]),
    env,
    ready: 'Ready to accept connections',
    endSignal: 'KILL',
    folderToDelete,
  })
}

/** Starts a sentinel with a configuration file, which it writes to. */
export const startSentinelProcess = async (file: string): Promise<ServerProcess> => {
  const { command, env } = await findProgram(PROGRAM)
  return startServerProcess({
    command,
    args: [file, '--sentinel'],
    env,
    ready: '+monitor master',
    endSignal: 'KILL',
  })
}

const withTls = (port: number, { certificate, key, authority }: TlsFiles) => ({
  port: 0,
  'tls-port': port,
  'tls-cert-file': certificate,
  'tls-key-file': key,
  'tls-ca-cert-file': authority,
  'tls-auth-clients': 'no',
})
