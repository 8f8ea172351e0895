import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { Redis } from 'ioredis'
import { applyEvent, type SendgridEvent } from './effects.ts'

/** Applies an event unless its key is in Redis, and then sets the key: the usual idempotency of such receivers. */
export const createApplyOnce = (db: NodePgDatabase, notify: (text: string) => Promise<void>) => {
  const redis = new Redis(process.env.REDIS_URL ?? '')
  return {
    redis,
    applyOnce: async (event: SendgridEvent): Promise<void> => {
      const key = `webhook:processed:${event.sg_event_id}`
      if ((await redis.get(key)) !== null) return
      await applyEvent(db, event, notify)
      await redis.set(key, new Date().toISOString(), 'EX', 86_400)
    },
  }
}
