import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebianPackage } from './debian-packages.ts'
import { findOnPath } from './executable.ts'
import { onPort } from './port.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

const CACHE = fileURLToPath(new URL('../.cache/redis', import.meta.url))
const PROGRAM = join(CACHE, 'usr/bin/redis-server')

/** Logical databases of the server: so many that every test file can have its own. */
export const REDIS_DATABASES = 1_024

/** A Redis server of our own. */
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
 * @throws with how to get one when there is none and none can be fetched, and when `port` is taken.
 */
export const startRedis = async ({ port: wantedPort }: { port?: number } = {}): Promise<RedisServer> => {
  const { command, env } = await findRedis()
  const launch = (port: number): Promise<ServerProcess> => {
    const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', databases: REDIS_DATABASES }
    return startServerProcess({
      command,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      env,
      ready: 'Ready to accept connections',
      endSignal: 'KILL',
    })
  }
  let server: ServerProcess
  const port = await onPort(wantedPort, async (chosen) => {
    server = await launch(chosen)
    return chosen
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => (server.isRunning() ? server.pid : 0),
    stop: () => server.end('SIGKILL'),
    start: async () => {
      if (!server.isRunning()) server = await launch(port)
    },
  }
}

const findRedis = async (): Promise<{ command: string; env: NodeJS.ProcessEnv }> => {
  const command = findOnPath('redis-server')
  if (command !== undefined) return { command, env: process.env }
  // A link into a package that is not there is no program, whoever left it.
  if (!existsSync(PROGRAM)) {
    await rm(CACHE, { recursive: true, force: true })
    await fetchRedis()
  }
  const libraries = await libraryFolders(CACHE)
  return {
    command: PROGRAM,
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) },
  }
}

const fetchRedis = async (): Promise<void> => {
  console.error('fetching Redis (once) ...')
  try {
    await unpackDebianPackage('redis-server', CACHE)
  } catch (cause) {
    throw new Error(
      'There is no redis-server on the PATH, and none could be fetched with apt. ' +
        'Install Redis 6 or later (Debian: `apt-get install redis-server`, macOS: `brew install redis`); ' +
        '`npm run dev` can also use one that runs already: set REDIS_URL.',
      { cause },
    )
  }
}

/** Debian keeps shared libraries in one folder per kind of machine. */
const libraryFolders = async (root: string): Promise<string[]> => {
  const found: string[] = []
  for (const folder of [join(root, 'lib'), join(root, 'usr/lib')]) {
    if (!existsSync(folder)) continue
    const entries = await readdir(folder, { withFileTypes: true })
    found.push(
      folder,
      ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)),
    )
  }
  return found
}
