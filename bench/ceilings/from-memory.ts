import { hash } from 'node:crypto'
import { once } from 'node:events'
import pg from 'pg'
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import { type NewDelivery, storeDeliveries } from '../../src/inbox/accept/store.ts'
import { createCounts } from '../../src/inbox/counts.ts'
import { startWorkers } from '../../src/inbox/process/workers.ts'
import { createUnderWay } from '../../src/inbox/under-way.ts'
import { enqueue } from '../../src/notifications/queues.ts'
import { providers } from '../../src/providers/index.ts'
import { createSendgrid } from '../../src/providers/sendgrid/index.ts'
import { bodyOf } from '../../src/simulators/sendgrid/sign.ts'
import { eventOf } from '../events.ts'
import { openJobs } from '../jobs.ts'

// Ceiling (e), without HTTP, signatures and Redis: deliveries prepared in memory go into the inbox and on to the domain
// rows by the service's SQL.

export interface MemoryTask {
  databaseUrl: string
  firstEvent: number
  events: number
}

export interface MemoryResult {
  milliseconds: number
  cpuSeconds: number
  /** Peak resident memory, in MiB. */
  memory: number
}

/** As many events as a delivery has in the workload it is compared with. */
const EVENTS_PER_DELIVERY = 50
const DELIVERIES_PER_STATEMENT = 20
const CONNECTIONS = 2

const prepare = ({ firstEvent, events }: MemoryTask): NewDelivery[] => {
  const receivedAt = new Date()
  const timestamp = Math.floor(receivedAt.getTime() / 1_000)
  return Array.from({ length: Math.ceil(events / EVENTS_PER_DELIVERY) }, (_, chunk) => {
    const from = firstEvent + chunk * EVENTS_PER_DELIVERY
    const count = Math.min(EVENTS_PER_DELIVERY, firstEvent + events - from)
    const body = Buffer.from(bodyOf(Array.from({ length: count }, (_, n) => eventOf(from + n, timestamp))))
    const bodyHash = hash('sha256', body, 'buffer')
    const given = { receivedAt, headers: '{}', body, bodyHash, eventCount: count }
    return { ...given, identity: undefined, source: 'delivery', asked: [] }
  })
}

/** Each connection takes the next piece of work until nothing is left. */
const onConnections = async (work: (() => Promise<unknown>)[]): Promise<void> => {
  const one = async () => {
    for (let next = work.shift(); next !== undefined; next = work.shift()) await next()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
}

const nothing = () => {}
const applyAll = async (
  pool: pg.Pool,
  { databaseUrl, events }: MemoryTask,
  deliveries: NewDelivery[],
): Promise<() => Promise<void>> => {
  const boss = await openJobs(databaseUrl)
  const log = pino({ level: 'silent' })
  let processed = 0
  let closing = false
  const { path } = providers.sendgrid
  const created = createSendgrid(readConfig({ DATABASE_URL: databaseUrl }))
  const provider = { name: 'sendgrid', path, ...created }
  return async () => {
    const workers = startWorkers(provider, undefined, {
      underWay: createUnderWay(),
      pool,
      processedKeys: {
        find: async (ids) => ({ times: ids.map(() => null), complete: true }),
        add: async (_provider, done) => {
          processed += done.length
        },
      },
      metrics: { count: nothing, distribution: nothing, gauge: nothing },
      counts: createCounts(() => new Date()),
      trouble: { report: nothing },
      log,
      clock: () => new Date(),
      alone: (work) => work(),
      closing: () => closing,
      enqueue: (tx, notifications) => enqueue(boss, tx, notifications),
      inTrouble: (_provider, error) => {
        throw error
      },
      keepChanges: false,
      outOfTrouble: nothing,
    })
    const groups = Array.from({ length: Math.ceil(deliveries.length / DELIVERIES_PER_STATEMENT) }, (_, n) =>
      deliveries.slice(n * DELIVERIES_PER_STATEMENT, (n + 1) * DELIVERIES_PER_STATEMENT),
    )
    await onConnections(
      groups.map((group) => async () => {
        await storeDeliveries(pool, 'sendgrid', group)
        workers.wake()
      }),
    )
    while (processed < events) await new Promise((resolve) => setTimeout(resolve, 1))
    closing = true
    workers.rouse()
    await workers.closed
    await boss.stop({ graceful: false })
  }
}

const main = async (task: MemoryTask): Promise<void> => {
  const deliveries = prepare(task)
  const pool = new pg.Pool({
    connectionString: task.databaseUrl,
    max: 6,
    options: '-c synchronous_commit=on -c plan_cache_mode=force_custom_plan -c random_page_cost=1.1',
  })
  await Promise.all(Array.from({ length: 4 }, () => pool.query('select')))
  const run = await applyAll(pool, task, deliveries)
  const go = once(process, 'message')
  process.send?.('prepared')
  await go
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run()
  const milliseconds = performance.now() - start
  const used = process.cpuUsage(cpu)
  // Before the connections are closed: the CPU time of a session is only known while it lasts.
  process.send?.({
    milliseconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    memory: process.resourceUsage().maxRSS / 1024,
  } satisfies MemoryResult)
  await pool.end()
  process.disconnect()
}

await main(JSON.parse(process.argv[2] ?? ''))
