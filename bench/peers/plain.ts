import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { SendgridEvent } from './effects.ts'
import { createApplyOnce } from './once.ts'
import { closeOnSigterm, receive } from './receiver.ts'

// Peer (b), the plain design: answer 200, then apply one event after the other. Waiting events are in memory only.

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
const { applyOnce, redis } = createApplyOnce(drizzle({ client: pool, casing: 'snake_case' }), async (text) =>
  app.log.fatal(text),
)

const waiting: SendgridEvent[] = []
let working = false
const work = async (): Promise<void> => {
  if (working) return
  working = true
  for (let next = 0; next < waiting.length; next++) {
    try {
      await applyOnce(waiting[next] as SendgridEvent)
    } catch (error) {
      app.log.error({ err: error }, 'event failed')
    }
  }
  waiting.length = 0
  working = false
}

const app = await receive(async (events) => {
  for (const event of events) waiting.push(event)
  setImmediate(() => void work())
})
closeOnSigterm(
  () => app.close(),
  () => pool.end(),
  async () => redis.disconnect(),
)
