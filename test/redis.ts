import { Redis } from 'ioredis'
import { inject } from 'vitest'

/** An empty logical database of one's own: Redis itself hands out the numbers. */
export const freshRedis = async (): Promise<string> => {
  const redis = new Redis(inject('redisUrl'))
  try {
    return `${inject('redisUrl')}/${await redis.incr('databases')}`
  } finally {
    redis.disconnect()
  }
}
