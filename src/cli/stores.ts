import { once } from 'node:events'
import pg from 'pg'
import { readDatabaseUrl, readRedisUrl } from '../config.ts'
import { connectionTo } from '../db/connection.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { readDevelopment } from './development.ts'
import { CommandError } from './outcome.ts'

const CONNECT_WITHIN = 5_000
/** Redis forgets a thousand keys at a time. */
const ANSWER_WITHIN = 10_000

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
export const withRedis = async (work: (redis: RedisConnection) => Promise<void>): Promise<void> => {
  const development = process.env.REDIS_URL === undefined ? readDevelopment() : undefined
  const url = readRedisUrl({ REDIS_URL: development?.redisUrl, ...process.env })
  const { openRedis } = await import('../redis/connection.ts') // few commands ask Redis
  const redis = openRedis(url, 'roleferry-webhooks command line', {
    connectTimeout: CONNECT_WITHIN,
    commandTimeout: ANSWER_WITHIN,
    socketTimeout: ANSWER_WITHIN,
  })
  try {
    // Also rejects with the first error; those that come later reject what they concern.
    await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_WITHIN) }).catch((error: Error) => {
      throw new CommandError(`Redis does not answer: ${error.message}`)
    })
    redis.on('error', () => {})
    await work(redis)
  } finally {
    redis.disconnect()
  }
}
