import type { Redis } from 'ioredis'
import { ADD, argumentsOf, dropKeys, type Keyspace, ORIGIN } from './keyspace.ts'

/** The keys on one server. What it loses, it loses from the newest back, so {@link ORIGIN} goes with them. */
export const onServer = (redis: Redis): Keyspace => ({
  onOneServer: true,
  read: async (keys) => ({ values: await redis.mget(keys) }),
  add: async (keys, added) => {
    await redis.eval(ADD, keys.length + 1, ORIGIN, ...keys, ...argumentsOf(added))
  },
  drop: () => dropKeys(redis, (keys) => redis.unlink(keys)),
})
