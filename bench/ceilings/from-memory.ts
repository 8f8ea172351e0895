import { once } from 'node:events'
import pg from 'pg'
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import { insertRows } from '../../src/inbox/accept/store.ts'
import { createCounts } from '../../src/inbox/counts.ts'
import { createProcess } from '../../src/inbox/process/process.ts'
import { createSeldomLines } from '../../src/inbox/process/seldom-lines.ts'
import type { IncomingEvent } from '../../src/inbox/provider.ts'
import { enqueue } from '../../src/notifications/queues.ts'
import { readEvents } from '../../src/providers/sendgrid/events.ts'
import { createSendgrid } from '../../src/providers/sendgrid/index.ts'
import { bodyOf } from '../../src/providers/sendgrid/sign.ts'
import { eventOf } from '../events.ts'
import { openJobs } from '../jobs.ts'

// Ceilings (d) and (e), without HTTP, signatures and Redis: events that are parsed and in memory beforehand go
// (d) into the inbox by bare multi-row inserts, (e) into the inbox and on to the domain rows by the service's SQL.

export interface MemoryTask {
  databaseUrl: string
  what: 'inserts' | 'effects'
  firstEvent: number
  events: number
}

export interface MemoryResult {
  milliseconds: number
  cpuSeconds: number
  /** Peak resident memory, in MiB. */
  memory: number
}

/** Rows per statement: more gain nothing. */
const ROWS = 1_000
const CONNECTIONS = 2

const prepare = ({ firstEvent, events }: MemoryTask): IncomingEvent[][] => {
  const now = new Date()
  const timestamp = Math.floor(now.getTime() / 1_000)
  return Array.from({ length: Math.ceil(events / ROWS) }, (_, chunk) => {
    const from = firstEvent + chunk * ROWS
    const count = Math.min(ROWS, firstEvent + events - from)
    const body = bodyOf(Array.from({ length: count }, (_, n) => eventOf(from + n, timestamp)))
    return readEvents(Buffer.from(body), now)
  })
}

/** Nothing but the rows: no look at what is there already, no answer which are new. */
const BARE_INSERT = `
insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, payload, status, occurred_at, received_at, next_attempt_at)
select 'sendgrid', event_id, dedupe_key, event_type, subject, payload, 'pending', occurred_at, received_at, received_at
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::timestamptz[])
  as row(event_id, dedupe_key, event_type, subject, payload, occurred_at, received_at)`

/** Each of so many connections takes the next piece of work until there is none. */
const onConnections = async (work: (() => Promise<unknown>)[]): Promise<void> => {
  const one = async () => {
    for (let next = work.shift(); next !== undefined; next = work.shift()) await next()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
}

const insertBare = (pool: pg.Pool, chunks: IncomingEvent[][]): (() => Promise<void>) => {
  const at = new Date().toISOString()
  const statements = chunks.map((events) => [
    events.map(({ eventId }) => eventId),
    events.map(({ dedupeKey }) => dedupeKey),
    events.map(({ eventType }) => eventType),
    events.map(({ subject }) => subject),
    events.map(({ payload }) => payload),
    events.map(({ occurredAt }) => occurredAt.toISOString()),
    events.map(() => at),
  ])
  return () =>
    onConnections(statements.map((values) => () => pool.query({ name: 'bare', text: BARE_INSERT, values })))
}

const nothing = () => {}
const applyAll = async (
  pool: pg.Pool,
  { databaseUrl, events }: MemoryTask,
  chunks: IncomingEvent[][],
): Promise<() => Promise<void>> => {
  const boss = await openJobs(databaseUrl)
  const log = pino({ level: 'silent' })
  let processed = 0
  const config = readConfig({ DATABASE_URL: databaseUrl })
  const turn = createProcess(
    createSendgrid(config),
    {
      pool,
      processedKeys: {
        find: async (ids) => ids.map(() => null),
        add: async (_provider, done) => {
          processed += done.length
        },
      },
      metrics: { count: nothing, distribution: nothing, gauge: nothing },
      counts: createCounts(() => new Date()),
      seldomLines: createSeldomLines(log),
      log,
      clock: () => new Date(),
      stopping: () => false,
      giveWay: async () => {},
      enqueue: (tx, notifications) => enqueue(boss, tx, notifications),
    },
    0,
  )
  return async () => {
    const receivedAt = new Date()
    const inserting = onConnections(
      chunks.map(
        (chunk) => () =>
          insertRows(
            pool,
            'sendgrid',
            chunk.map((event) => ({ event, status: 'pending', receivedAt })),
          ),
      ),
    )
    while (processed < events) {
      if ((await turn()) === 'nothing') await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await inserting
    await boss.stop({ graceful: false })
  }
}

const main = async (task: MemoryTask): Promise<void> => {
  const chunks = prepare(task)
  const pool = new pg.Pool({
    connectionString: task.databaseUrl,
    max: 6,
    options: '-c synchronous_commit=on -c plan_cache_mode=force_custom_plan -c random_page_cost=1.1',
  })
  await Promise.all(Array.from({ length: 4 }, () => pool.query('select')))
  const run = task.what === 'inserts' ? insertBare(pool, chunks) : await applyAll(pool, task, chunks)
  const go = once(process, 'message')
  process.send?.('prepared')
  await go
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run()
  const milliseconds = performance.now() - start
  const used = process.cpuUsage(cpu)
  // Before the connections are closed: what a session of Postgres used is known while it lasts.
  process.send?.({
    milliseconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    memory: process.resourceUsage().maxRSS / 1024,
  } satisfies MemoryResult)
  await pool.end()
  process.disconnect()
}

await main(JSON.parse(process.argv[2] ?? ''))
