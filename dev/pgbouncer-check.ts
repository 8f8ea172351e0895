import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Pgbouncer, startPgbouncer } from '../harness/pgbouncer.ts'
import { SEEDED, seed } from '../harness/seed.ts'
import { createService } from '../harness/service.ts'
import { startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import { PROVIDER_NAMES, providers } from '../src/providers/index.ts'

// Runs the service through PgBouncer, with the settings of docs/pgbouncer.md as they stand, and kills PgBouncer.

const ROLE = 'roleferry_service'
const page = readFileSync(new URL('../docs/pgbouncer.md', import.meta.url), 'utf8')
const block = (language: string): string =>
  new RegExp(`\`\`\`${language}\n([^\`]*)\`\`\``).exec(page)?.[1] ?? ''
const ini = block('ini').trim().split('\n')

const folder = mkdtempSync(join(tmpdir(), 'webhooks-pgbouncer-check-'))
chmodSync(folder, 0o755) // Postgres is another user
const stack = await startStack(join(folder, 'postgres'), { temporary: true })
const { postgres, redis } = stack
await migrate(postgres.url, { name: ROLE })
await seed(postgres.url)
const db = new pg.Pool({ connectionString: postgres.url, max: 2 })
const poolers: Pgbouncer[] = []
const services: Awaited<ReturnType<typeof createService>>[] = []

const played = await Promise.all(
  PROVIDER_NAMES.map(async (name) => ({ name, ...(await providers[name].simulator()).play() })),
)
const direct = postgres.url.replace('//postgres:', `//${ROLE}:`)
const startThrough = async (settings: string[]) => {
  const pooler = await startPgbouncer(['postgres'], postgres.port, [ROLE], settings)
  poolers.push(pooler)
  const service = await createService({
    DATABASE_URL: `postgres://${ROLE}@127.0.0.1:${pooler.port}/postgres`,
    DATABASE_DIRECT_URL: direct,
    REDIS_URL: redis.url,
    ...Object.assign({}, ...played.map(({ environment }) => environment)),
  })
  services.push(service)
  service.start()
  return { pooler, service }
}

let wrong = 0
/** A busy machine may be too slow; that is not PgBouncer's fault. */
const isAllowed = ({ status, text }: Answer) => status === 200 || text.includes('WEBHOOK_OVERLOADED')
const delivered = (what: string, answers: Answer[]): void => {
  const others = answers.filter((answer) => !isAllowed(answer))
  check(what, others.length === 0, `${others.length} of ${answers.length} refused: ${others[0]?.text}`)
}
const check = (what: string, right: boolean, found: unknown = ''): void => {
  if (!right) wrong++
  console.log(`${right ? '✓' : '✗'} ${what}${right ? '' : `: ${JSON.stringify(found)}`}`)
}
/** Milliseconds; a machine that is busy with other things takes a minute to load the program. */
const PATIENCE = 180_000
const eventually = async <T>(look: () => Promise<T>, right: (found: T) => boolean): Promise<T> => {
  for (const until = Date.now() + PATIENCE; ; await sleep(100)) {
    const found = await look().catch((error) => String(error) as T)
    if (right(found) || Date.now() > until) return found
  }
}

interface Answer {
  status: number
  text: string
}

let accepted = 0
/** One delivery of a provider, again and again until it gets its 200, as providers do. */
const deliver = async (url: string, name: (typeof PROVIDER_NAMES)[number]): Promise<Answer[]> => {
  const [sample] = Object.values(played.find((one) => one.name === name)?.samples ?? {})
  if (sample === undefined) throw new Error(`${name} has no sample`)
  const answers: Answer[] = []
  const { headers, body } = sample(SEEDED, new Date()).sign(new Date())
  for (const until = Date.now() + 30_000; Date.now() < until; await sleep(200)) {
    const answer = await fetch(url + providers[name].path, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
    })
    answers.push({ status: answer.status, text: await answer.text() })
    if (answer.status !== 200) continue
    accepted++
    return answers
  }
  return answers
}
/** Two deliveries of each provider at a time. @returns every answer */
const allProviders = async (url: string, times: number): Promise<Answer[]> => {
  const answers: Answer[] = []
  for (let wave = 0; wave < times; wave++) {
    const two = [...PROVIDER_NAMES, ...PROVIDER_NAMES]
    answers.push(...(await Promise.all(two.map((name) => deliver(url, name)))).flat())
  }
  return answers
}
const stored = async (): Promise<number> =>
  (await db.query('select count(*)::int as events from webhook_events')).rows[0].events
const readiness = async (url: string): Promise<string> => (await fetch(`${url}/readyz`)).text()

try {
  const dropping = await startThrough(ini)
  console.log(`PgBouncer in ${dropping.pooler.mode} mode`)
  await dropping.service.ready()
  const lines = () => Promise.resolve(dropping.service.log().join('\n'))
  check(
    'lost settings are named in a warning',
    (await eventually(lines, (log) => log.includes('the sessions lack settings'))).includes(
      'statement_timeout',
    ),
  )
  check('it stops cleanly', (await dropping.service.end('SIGTERM')) === 0)

  await db.query(block('sql'))
  const { pooler, service } = await startThrough(ini)
  await service.ready()
  delivered('deliveries of all providers', await allProviders(service.url, 20))
  check(
    'every event is processed or kept',
    (await eventually(stored, (found) => found === accepted)) === accepted,
  )
  check(
    'no setting is missing',
    !service.log().join('\n').includes('the sessions lack settings'),
    service.log(),
  )
  const { rows } = await db.query(
    `select application_name as name, client_port from pg_stat_activity a where usename = $1
       and (query like 'LISTEN%' or query like '%pg_listening_channels%'
         or exists (select from pg_locks l where l.pid = a.pid and locktype = 'advisory'))`,
    [ROLE],
  )
  const names = rows.map(({ name }) => name).sort()
  check('LISTEN and the lock of the run bypass it', /jobs,.* run$/.test(names.join()), names)

  await pooler.kill()
  const meanwhile = allProviders(service.url, 1)
  check('killed: not ready', (await readiness(service.url)).includes('unavailable'))
  await sleep(1_500)
  await pooler.start()
  const statuses = (await meanwhile).map(({ status }) => status)
  check(
    'killed: deliveries get 503 and nothing else, then 200',
    new Set(statuses).size === 2 && statuses.includes(503) && statuses.includes(200),
    statuses,
  )
  delivered('started again: deliveries of all providers', await allProviders(service.url, 5))
  check('nothing accepted is lost', (await eventually(stored, (found) => found === accepted)) === accepted, {
    accepted,
    stored: await stored(),
  })
  check('it stops cleanly', (await service.end('SIGTERM')) === 0)

  const refused = await startThrough(ini.filter((line) => !line.startsWith('ignore_startup_parameters')))
  const says = await eventually(
    () => readiness(refused.service.url),
    (text) => text.includes('ignore_startup_parameters'),
  )
  check(
    'settings that PgBouncer refuses: /readyz says what to do',
    says.includes('ignore_startup_parameters'),
    says,
  )
  check(
    'and so does the log',
    refused.service.log().some((line) => line.includes('ignore_startup_parameters')),
  )
} finally {
  await Promise.all(services.map((service) => service.end('SIGKILL')))
  await Promise.all(poolers.map((pooler) => pooler.stop()))
  await db.end()
  await stack.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(wrong === 0 ? 0 : 1)
