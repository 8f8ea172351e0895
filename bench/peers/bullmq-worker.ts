import { Queue, Worker } from 'bullmq'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { SendgridEvent } from './effects.ts'
import { createApplyOnce } from './once.ts'
import { closeOnSigterm } from './receiver.ts'

// Peer (a), the half that works: ten jobs at a time, a Drizzle transaction each.

const connection = { url: process.env.QUEUE_URL ?? '' }
const slack = new Queue<{ text: string }>('slack', { connection })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
const { applyOnce, redis } = createApplyOnce(
  drizzle({ client: pool, casing: 'snake_case' }),
  async (text) => {
    await slack.add('alert', { text })
  },
)
const worker = new Worker<SendgridEvent>('sendgrid', async (job) => applyOnce(job.data), {
  connection,
  concurrency: 10,
})
worker.on('error', (error) => console.error(error))
worker.on('failed', (_job, error) => console.error(error))
await worker.waitUntilReady()
console.log('worker listening at the queue')
closeOnSigterm(
  () => worker.close(),
  () => slack.close(),
  () => pool.end(),
  async () => redis.disconnect(),
)
