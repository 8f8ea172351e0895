import type { Redis } from 'ioredis'

/** What Redis remembers of processed events. It may forget at any time: the inbox decides. */
export interface ProcessedKeys {
  /**
   * When each event was processed (ISO 8601), in one round trip; null for unknown ones, and for all of them
   * while Redis is away.
   */
  find: (eventIds: string[]) => Promise<(string | null)[]>
  /** Remembers events whose effects are committed. Never throws: Redis is not needed. */
  add: (eventIds: string[], processedAt: Date) => Promise<void>
}

const EXPIRY_SECONDS = 86_400
const keyOf = (eventId: string) => `webhook:processed:${eventId}`

/** One command for all keys: a third of the time and a tenth of the CPU of a pipeline of SETs. */
const ADD = `for i = 1, #KEYS do redis.call('set', KEYS[i], ARGV[1], 'ex', ARGV[2]) end`
/** Redis serves nobody else while a script runs. */
const KEYS_PER_SCRIPT = 1_000

export const createProcessedKeys = (
  redis: Redis | undefined,
  onError: (error: Error) => void,
): ProcessedKeys => ({
  find: async (eventIds) => {
    const none = () => eventIds.map(() => null)
    if (redis === undefined || eventIds.length === 0) return none()
    try {
      return await redis.mget(eventIds.map(keyOf))
    } catch (error) {
      onError(error as Error)
      return none()
    }
  },
  add: async (eventIds, processedAt) => {
    if (redis === undefined) return
    try {
      for (let from = 0; from < eventIds.length; from += KEYS_PER_SCRIPT) {
        const keys = eventIds.slice(from, from + KEYS_PER_SCRIPT).map(keyOf)
        await redis.eval(ADD, keys.length, ...keys, processedAt.toISOString(), EXPIRY_SECONDS)
      }
    } catch (error) {
      onError(error as Error)
    }
  },
})
