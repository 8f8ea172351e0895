import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'
import pg from 'pg'
import { startPostgres } from '../harness/postgres.ts'
import { daysAgo, FILTERS, fillAround, fillInbox } from '../harness/volume.ts'
import { readConfig } from '../src/config.ts'
import { migrate } from '../src/migrate.ts'
import { countEvents, eventHistory, listEvents, payloadText } from '../src/operations/events.ts'
import { mailboxesByHealth } from '../src/operations/mailboxes.ts'
import { backlog, countsOver, errorGroups, lastEvents, refusals } from '../src/operations/overview.ts'
import { contactById, mailboxById, outreachById, touchedBy, userById } from '../src/operations/records.ts'
import { replayEvents, replayMatching } from '../src/operations/replay.ts'
import { resolveSearch } from '../src/operations/search.ts'
import { PROVIDER_NAMES } from '../src/providers/index.ts'
import { tasks } from '../src/upkeep/schedule.ts'

// Everything the console, the command line and upkeep ask of the database, on ten million events: how long it takes,
// how much is read, and whether a large table is read from end to end.

const { values } = parseArgs({ options: { rows: { type: 'string', default: '10000000' } } })
const size = Number(values.rows)

/** Kept, so that it is filled once: 13 GB and four minutes for ten million. */
const folder = fileURLToPath(new URL(`../.data/plans-${size}`, import.meta.url))
const FOR_FILLING = ['max_wal_size=16GB', 'maintenance_work_mem=2GB', 'synchronous_commit=off']
const postgres = await startPostgres(folder, { settings: ['shared_buffers=1GB', ...FOR_FILLING] })

const fill = async (): Promise<void> => {
  await migrate(postgres.url)
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  const isEmpty = async (table: string) =>
    !(await client.query(`select exists (select from ${table}) as filled`)).rows[0]?.filled
  if (await isEmpty('webhook_events')) {
    console.log(`Filling ${folder} with ${size.toLocaleString('en')} events, once …`)
    await fillInbox(client, size)
  }
  if (await isEmpty('outreach')) await fillAround(client, size)
  await client.end()
}

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  Plans?: Plan[]
}
const plans: { milliseconds: number; plan: Plan }[] = []

/** Postgres reports the plan of every statement it runs, as a notice. */
const explained = (): pg.Pool => {
  const settings = {
    session_preload_libraries: 'auto_explain',
    client_min_messages: 'log',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_buffers': 'on',
    'auto_explain.log_format': 'json',
  }
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
  const pool = new pg.Pool({ connectionString: postgres.url, options: options.join(' ') })
  pool.on('error', () => {}) // a connection that is not closed yet when the server is stopped
  pool.on('connect', (client) =>
    client.on('notice', ({ message = '' }) => {
      const [, milliseconds, json] = /^duration: ([\d.]+) ms {2}plan:\n(.*)$/s.exec(message) ?? []
      if (json !== undefined)
        plans.push({ milliseconds: Number(milliseconds), plan: JSON.parse(json).Plan as Plan })
    }),
  )
  return pool
}

/** Tables read from end to end that have many rows. */
const readWhole = (plan: Plan): string[] => {
  const rows = (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']
  const whole = plan['Node Type'] === 'Seq Scan' && rows > 50_000 ? [String(plan['Relation Name'])] : []
  return [...whole, ...(plan.Plans ?? []).flatMap(readWhole)]
}

/** Runs something twice, the second time with its data in memory, and prints how long that took. */
const look = async (what: string, run: () => Promise<unknown>): Promise<void> => {
  const times: number[] = []
  for (const _ of ['cold', 'warm']) {
    plans.length = 0
    const startedAt = performance.now()
    await run()
    times.push(performance.now() - startedAt)
  }
  const pages = plans.map(({ plan }) => plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])
  const slowest = Math.max(...plans.map(({ milliseconds }) => milliseconds))
  const whole = [...new Set(plans.flatMap(({ plan }) => readWhole(plan)))]
  const numbers = [...times, slowest].map((time) => time.toFixed(1).padStart(9)).join('')
  const read = pages.reduce((sum, some) => sum + some, 0)
  console.log(
    `${what.padEnd(46)}${numbers}${String(plans.length).padStart(7)}${String(read).padStart(9)}  ` +
      (whole.length > 0 ? styleText('yellow', `reads all of ${whole.join(', ')}`) : ''),
  )
}

const ASKED: typeof FILTERS = [
  ...FILTERS,
  ['dead clicks of a week', { type: 'click', status: 'dead', since: daysAgo(7) }],
]

const lookAtAll = async (pool: pg.Pool): Promise<void> => {
  const now = new Date()
  console.log(
    `${''.padEnd(46)}${['cold ms', 'warm ms', 'slowest'].map((name) => name.padStart(9)).join('')}     of    pages`,
  )
  const deep = `${daysAgo(45).getTime() * 1_000}.${Math.round(size / 2)}`
  for (const [what, filter] of ASKED) {
    await look(`events: ${what}`, () => listEvents(pool, filter, { limit: 50 }))
    await look('  a page 45 days deep', () => listEvents(pool, filter, { limit: 50, after: deep }))
    await look('  count up to 10,000', () => countEvents(pool, filter, 10_000))
  }
  const searches = ['123', 'cus_7', 'contact77@example.com', 'user7@example.com', 'box7@rf-send-01.com']
  for (const text of [...searches, 'nobody@example.com', 'filled-4711', 'no-such-event']) {
    await look(`search: ${text}`, async () => {
      const { filter } = await resolveSearch(pool, text)
      await Promise.all([listEvents(pool, filter, { limit: 50 }), countEvents(pool, filter, 10_000)])
    })
  }
  const { events } = await listEvents(pool, { status: 'dead' }, { limit: 50 })
  const [event] = events
  if (event === undefined) throw new Error('there is no dead event')
  await look('event', () => eventHistory(pool, event.id))
  await look('  payload', () => payloadText(pool, event.id, 100_000))
  await look('  rows it is about', () => touchedBy(pool, event))
  await look('outreach', () => outreachById(pool, '77'))
  await look('contact', () => contactById(pool, '77'))
  await look('user', () => userById(pool, '7'))
  await look('mailboxes', () => mailboxesByHealth(pool, { limit: 101, offset: 0 }))
  await look('mailbox', () => mailboxById(pool, '7'))
  await look('overview, status: backlog', () => backlog(pool, now))
  await look('  dead by error', () => errorGroups(pool))
  await look('  last event of each provider', () => lastEvents(pool, PROVIDER_NAMES))
  await look('  per minute, an hour', () =>
    countsOver(pool, { since: new Date(+now - 3_600_000), stretch: 1 }),
  )
  await look('  per 15 minutes, a day', () => countsOver(pool, { since: daysAgo(1), stretch: 15 }))
  await look('  refusals of a day', () => refusals(pool, daysAgo(1)))
  const by = { operator: 'plans', via: 'command line', reason: 'to measure' } as const
  const some = events.map(({ id }) => id)
  await look('replay 50', () => replayEvents(pool, some, by, now))
  await look('replay 2,000 that match', () =>
    replayMatching(pool, { status: 'ignored' }, by, { now, most: 2_000 }),
  )
  const config = readConfig({ DATABASE_URL: postgres.url })
  for (const task of tasks) {
    await look(`upkeep: ${task.name}, at most 5 s`, () =>
      task.run({
        config,
        pool,
        now: new Date(),
        enqueue: async () => {}, // no notifications here
        signal: AbortSignal.timeout(5_000),
        busy: () => false,
      }),
    )
  }
}

try {
  await fill()
  const pool = explained()
  await lookAtAll(pool)
  await pool.end()
} finally {
  await postgres.stop()
}
