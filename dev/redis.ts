import { accessSync, constants, existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebianPackage } from './debian-packages.ts'
import { onPort } from './port.ts'
import { startServerProcess } from './server-process.ts'

const CACHE = fileURLToPath(new URL('../.cache/redis', import.meta.url))

/** Logical databases of the server: so many that every test file can have its own. */
export const REDIS_DATABASES = 1_024

export interface RedisServer {
  url: string
  port: number
  pid: number
  /** Ends the server. It keeps nothing: what is started next on the port is empty. */
  stop: () => Promise<void>
}

/**
 * Starts an empty Redis that writes nothing to disk, on loopback only. It ends with this process.
 *
 * Takes `redis-server` from the PATH, else from `.cache/redis`, where Debian's package is unpacked the first time.
 *
 * @throws when there is no Redis and none can be fetched, or when `port` is taken.
 */
export const startRedis = async ({ port }: { port?: number } = {}): Promise<RedisServer> => {
  const { command, env } = await findRedis()
  return onPort(port, async (chosen) => {
    const settings = {
      port: chosen,
      bind: '127.0.0.1',
      save: '',
      appendonly: 'no',
      databases: REDIS_DATABASES,
      loglevel: 'notice',
    }
    const server = await startServerProcess({
      command,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      env,
      ready: 'Ready to accept connections',
      endSignal: 'KILL',
    })
    return {
      url: `redis://127.0.0.1:${chosen}`,
      port: chosen,
      pid: server.pid,
      stop: () => server.end('SIGKILL'),
    }
  })
}

const findRedis = async (): Promise<{ command: string; env: NodeJS.ProcessEnv }> => {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const command = join(folder, 'redis-server')
    if (isExecutable(command)) return { command, env: process.env }
  }
  if (!existsSync(CACHE)) await fetchRedis()
  const libraries = await libraryFolders(CACHE)
  return {
    command: join(CACHE, 'usr/bin/redis-server'),
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
    found.push(folder, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)))
  }
  return found
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
