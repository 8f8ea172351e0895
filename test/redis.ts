import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { REDIS_DATABASES } from '../harness/redis.ts'

/**
 * An empty logical database of one's own: Redis itself hands out the numbers, in database 0. So a test must not
 * FLUSHALL on this server, only FLUSHDB.
 */
export const freshRedis = async (): Promise<string> => {
  const redis = new Redis(inject('redisUrl'))
  try {
    const given = await redis.incr('databases')
    const number = 1 + (given % (REDIS_DATABASES - 1))
    await redis.pipeline().select(number).flushdb().exec()
    return `${inject('redisUrl')}/${number}`
  } finally {
    redis.disconnect()
  }
}
