import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { ended, spawnServer } from './child.ts'
import { freePort } from './port.ts'

const run = promisify(execFile)

/** A Redis server of our own. */
export interface RedisServer {
  url: string
  port: number
  pid: () => number
  stop: () => Promise<void>
  start: () => Promise<void>
}

/** Where a Redis that was fetched is kept; ignored by git. */
const CACHE = fileURLToPath(new URL('../.cache/redis', import.meta.url))
/** More than the usual 16 logical databases: every test file has its own. */
const DATABASES = 1_000

/**
 * Starts Redis without persistence, on loopback only: `redis-server` from the PATH, else the one fetched before,
 * else fetched now (Debian and Ubuntu).
 *
 * @throws with how to get one when there is none.
 */
export const startRedis = async ({ port }: { port?: number } = {}): Promise<RedisServer> => {
  const usedPort = port ?? (await freePort())
  const { command, env } = (await onPath()) ?? fetched() ?? (await fetchRedis())
  const url = `redis://127.0.0.1:${usedPort}`
  let child: ReturnType<typeof spawnServer> | undefined
  const start = async (): Promise<void> => {
    const server = spawnServer(
      command,
      [
        '--port',
        String(usedPort),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--databases',
        String(DATABASES),
      ],
      { deathSignal: 'KILL', stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } },
    )
    child = server
    let output = ''
    server.stdout?.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-2_000)
    })
    const until = Date.now() + 10_000
    while (!(await answers(url))) {
      if (server.exitCode !== null || Date.now() > until)
        throw new Error(`redis-server did not start:\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await start()
  return {
    url,
    port: usedPort,
    pid: () => child?.pid ?? 0,
    stop: async () => {
      if (child === undefined) return
      child.kill('SIGKILL')
      await ended(child)
    },
    start,
  }
}

interface Program {
  command: string
  env: Record<string, string>
}

const answers = async (url: string): Promise<boolean> => {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 500, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return (await redis.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    redis.disconnect()
  }
}

const onPath = async (): Promise<Program | undefined> => {
  try {
    await run('redis-server', ['--version'])
    return { command: 'redis-server', env: {} }
  } catch {
    return undefined
  }
}

const fetched = (): Program | undefined => {
  const command = join(CACHE, 'usr/bin/redis-server')
  if (!existsSync(command)) return undefined
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => {
    const path = join(CACHE, folder)
    const below = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('-linux-gnu')) : []
    return [...below.map((name) => join(path, name)), path]
  })
  return { command, env: { LD_LIBRARY_PATH: libraries.join(':') } }
}

/** Unpacks Debian's packages beside the project; nothing is installed on the machine. */
const fetchRedis = async (): Promise<Program> => {
  const folder = `${CACHE}.new-${process.pid}`
  try {
    console.error('There is no redis-server here: fetching one from the distribution, once …')
    mkdirSync(folder, { recursive: true })
    await run('apt-cache', ['show', 'redis-server']).catch(() => run('apt-get', ['update', '-qq']))
    const { stdout } = await run('apt-cache', [
      'depends',
      '--recurse',
      '--no-recommends',
      '--no-suggests',
      '--no-conflicts',
      '--no-breaks',
      '--no-replaces',
      '--no-enhances',
      'redis-server',
    ])
    const packages = new Set(['redis-server', 'redis-tools'])
    for (const [name] of stdout.matchAll(/^lib(?!c6|gcc)[a-z0-9.+-]+/gm)) packages.add(name)
    await run('apt-get', ['download', '-qq', ...packages], { cwd: folder })
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', file, 'root'], { cwd: folder })
    }
    rmSync(CACHE, { recursive: true, force: true })
    renameSync(join(folder, 'root'), CACHE)
    const program = fetched()
    if (program === undefined) throw new Error('the packages hold no redis-server')
    await run(program.command, ['--version'], { env: { ...process.env, ...program.env } })
    return program
  } catch (error) {
    throw new Error(
      `Redis is needed and cannot be fetched here (${(error as Error).message.split('\n')[0]}).\n` +
        'Install it (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), or set REDIS_URL.',
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
