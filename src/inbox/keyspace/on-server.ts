import type { Redis } from 'ioredis'
import { ADD, argumentsOf, KEYS_AT_ONCE, type Keyspace, ORIGIN, PREFIX } from './keyspace.ts'

/** The keys on one server. What it loses, it loses from the newest back, so {@link ORIGIN} goes with them. */
export const onServer = (redis: Redis): Keyspace => ({
  onOneServer: true,
  read: async (keys) => ({ values: await redis.mget(keys) }),
  add: async (keys, added) => {
    await redis.eval(ADD, keys.length + 1, ORIGIN, ...keys, ...argumentsOf(added))
  },
  drop: async () => {
    let dropped = 0
    let cursor = '0'
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${PREFIX}*`, 'COUNT', KEYS_AT_ONCE)
      if (keys.length > 0) dropped += await redis.unlink(keys)
      cursor = next
    } while (cursor !== '0')
    return dropped
  },
})
