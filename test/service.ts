import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { connectionTo } from '../src/db/connection.ts'
import { asService, cloneDatabase } from './database.ts'
import { freshRedis } from './redis.ts'

/** One line of the service's log. */
interface LogLine {
  level: number
  msg: string
  [field: string]: unknown
}

export interface Service {
  app: FastifyInstance
  url: string
  /** As the owner of the tables; the service itself has a role of its own. */
  db: pg.Pool
  databaseUrl: string
  redisUrl: string
  logs: LogLine[]
  now: () => Date
  /** Moves the service's clock forward and lets it look for what is due. */
  advance: (milliseconds: number) => void
  /** Resolves once nothing is due any more. */
  settled: () => Promise<void>
  rows: (sql: string, ...values: unknown[]) => Promise<Record<string, unknown>[]>
  stop: () => Promise<void>
}

export interface ServiceOptions {
  /** Environment variables; the database and Redis are fresh ones unless given here. */
  env?: Record<string, string>
  /** Whether push services on this machine are allowed. */
  pushToThisMachine?: boolean
}

/** Starts the real service on a database and a Redis of its own, listening on a free port of loopback. */
export const startService = async ({
  env = {},
  pushToThisMachine = false,
}: ServiceOptions = {}): Promise<Service> => {
  const database = env.DATABASE_URL === undefined ? await cloneDatabase() : undefined
  const databaseUrl = env.DATABASE_URL ?? database?.url ?? ''
  const redisUrl = env.REDIS_URL ?? (await freshRedis())
  const logs: LogLine[] = []
  let offset = 0
  const now = () => new Date(Date.now() + offset)
  const config = readConfig({
    REDIS_URL: redisUrl,
    // Nothing listens there unless a test starts it.
    DD_AGENT_HOST: '127.0.0.1',
    DD_DOGSTATSD_PORT: '9',
    PORT: '0',
    ...env,
    DATABASE_URL: asService(databaseUrl),
  })
  const app = await buildApp(config, {
    clock: now,
    pushToThisMachine,
    logStream: { write: (line) => logs.push(JSON.parse(line)) },
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const db = new pg.Pool({ ...connectionTo(databaseUrl), max: 4 })
  db.on('error', () => {}) // the database is dropped below it
  const rows = async (sql: string, ...values: unknown[]) => (await db.query(sql, values)).rows

  return {
    app,
    url,
    db,
    databaseUrl,
    redisUrl,
    logs,
    now,
    advance: (milliseconds) => {
      offset += milliseconds
    },
    settled: () => app.processors.idle(),
    rows,
    stop: async () => {
      await app.close()
      await db.end()
      await database?.drop()
    },
  }
}

/** Waits for something that another process or a queue brings about. */
export const eventually = async <T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  seconds = 20,
): Promise<T> => {
  const until = Date.now() + seconds * 1_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > until) throw new Error(`not within ${seconds} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
