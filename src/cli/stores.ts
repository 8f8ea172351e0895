import type { Redis } from 'ioredis'
import pg from 'pg'
import { readDatabaseUrl, readRedisUrl } from '../config.ts'
import { connectionTo } from '../db/connection.ts'
import { readDevelopment } from './development.ts'
import { CommandError } from './outcome.ts'

const CONNECT_WITHIN = 5_000

/** Runs `work` on the service's database and closes the connections. @throws {CommandError} when it is away. */
export const withDatabase = async (work: (pool: pg.Pool) => Promise<void>): Promise<void> => {
  const development = process.env.DATABASE_URL === undefined ? readDevelopment() : undefined
  const pool = new pg.Pool({
    ...connectionTo(readDatabaseUrl({ DATABASE_URL: development?.databaseUrl, ...process.env })),
    application_name: 'roleferry-webhooks command line',
    max: 3,
    connectionTimeoutMillis: CONNECT_WITHIN,
  })
  pool.on('error', () => {}) // the running statement rejects as well
  try {
    await pool.query('select 1').catch((error: Error) => {
      throw new CommandError(`The database does not answer: ${error.message || error.name}`)
    })
    await work(pool)
  } finally {
    await pool.end()
  }
}

/** Runs `work` on the service's Redis and closes the connection. @throws {CommandError} when it is away. */
export const withRedis = async (work: (redis: Redis) => Promise<void>): Promise<void> => {
  const development = process.env.REDIS_URL === undefined ? readDevelopment() : undefined
  const url = readRedisUrl({ REDIS_URL: development?.redisUrl, ...process.env })
  const { Redis } = await import('ioredis') // few commands ask Redis
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_WITHIN,
    retryStrategy: () => null,
  })
  redis.on('error', () => {}) // connect() rejects as well
  try {
    await redis.connect().catch((error: Error) => {
      throw new CommandError(`Redis does not answer: ${error.message}`)
    })
    await work(redis)
  } finally {
    redis.disconnect()
  }
}
