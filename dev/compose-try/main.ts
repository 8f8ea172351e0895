import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SEEDED } from '../../harness/seed.ts'
import { PROVIDER_NAMES, providers } from '../../src/providers/index.ts'
import { type Engine, installPrograms, startEngine } from './engine.ts'
import { buildStandIns } from './stand-ins.ts'

// Starts the compose file unchanged on a Docker of its own: builds the image, posts signed deliveries, restarts the daemon,
// stops, and checks exit codes and rows. Needs root on Debian; the images that the file names are stand-ins.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DELIVER = fileURLToPath(new URL('./deliver.ts', import.meta.url))
const READY_WITHIN = 300_000
const URL_INSIDE = 'http://127.0.0.1:3000'
const LONG_RUNNING = ['app', 'mailpit', 'postgres', 'redis']

const folder = mkdtempSync(join(tmpdir(), 'webhooks-compose-try-'))
const project = join(folder, 'project')

let wrong = 0
const check = (what: string, right: boolean, found: unknown = ''): void => {
  if (!right) wrong++
  console.log(`${right ? '✓' : '✗'} ${what}${right ? '' : `: ${JSON.stringify(found)}`}`)
}

const played = await Promise.all(
  PROVIDER_NAMES.map(async (name) => {
    const simulator = await providers[name].simulator()
    return { path: providers[name].path, ...simulator.play() }
  }),
)

/** The files that git tracks, and the example file of settings with the keys of all providers filled in. */
const prepareProject = (): void => {
  mkdirSync(project)
  execFileSync('sh', ['-c', `git archive HEAD | tar -x -C '${project}'`], { cwd: ROOT })
  const keys: Record<string, string> = Object.assign({}, ...played.map(({ environment }) => environment))
  const example = readFileSync(join(project, '.env.example'), 'utf8')
  const kept = example.split('\n').filter((line) => !((line.split('=')[0]?.trim() as string) in keys))
  const lines = Object.entries(keys).map(([name, value]) => `${name}=${value}`)
  writeFileSync(join(project, '.env'), [...kept, ...lines, ''].join('\n'))
}

const ready = async (engine: Engine): Promise<boolean> => {
  for (const until = Date.now() + READY_WITHIN; Date.now() < until; await sleep(1_000)) {
    const ask = `fetch('${URL_INSIDE}/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`
    const answered = await engine.inside(process.execPath, '-e', ask).then(
      () => true,
      () => false,
    )
    if (answered) return true
  }
  return false
}

/** Posts two deliveries of each provider, signed now. @returns the statuses */
const deliver = async (engine: Engine): Promise<number[]> => {
  const now = new Date()
  const requests = [...played, ...played].map(({ path, samples }) => {
    const [sample] = Object.values(samples)
    if (sample === undefined) throw new Error(`there is no sample for ${path}`)
    const { headers, body } = sample(SEEDED, now).sign(now)
    return { url: URL_INSIDE + path, headers, body: Buffer.from(body).toString('base64') }
  })
  const file = join(folder, 'requests.json')
  writeFileSync(file, JSON.stringify(requests))
  return JSON.parse(await engine.inside(process.execPath, DELIVER, file))
}

const inspect = async (engine: Engine, service: string): Promise<{ Status: string; ExitCode: number }> => {
  const said = await engine.docker('inspect', '--format', '{{json .State}}', `try_${service}_1`)
  return JSON.parse(said)
}

const COUNT = `
import pg from 'pg'
const db = new pg.Client({ connectionString: process.env.DATABASE_URL })
await db.connect()
const { rows } = await db.query('select count(*)::int as events from webhook_events')
console.log(rows[0].events)
await db.end()`
const events = async (engine: Engine): Promise<number> =>
  Number(await engine.compose(project, 'exec', '-T', 'app', 'node', '--input-type=module', '-e', COUNT))

/** Waits until this many events are in the inbox, which is when their deliveries are processed. */
const inboxHolds = async (engine: Engine, wanted: number): Promise<number> => {
  for (const until = Date.now() + READY_WITHIN; ; await sleep(1_000)) {
    const found = await events(engine)
    if (found === wanted || Date.now() > until) return found
  }
}

await installPrograms()
prepareProject()
const engine = await startEngine(join(folder, 'docker'))
try {
  await buildStandIns(engine, join(folder, 'images'))
  console.log('building the image of the Dockerfile ...')
  await engine.compose(project, 'build')
  await engine.compose(project, 'up', '-d')
  check('the service is ready', await ready(engine), await engine.compose(project, 'ps'))
  check('the migration ended with 0', (await inspect(engine, 'migrate')).ExitCode === 0)
  const first = await deliver(engine)
  check(
    'signed deliveries of all providers get 200',
    first.every((status) => status === 200),
    first,
  )
  const stored = await inboxHolds(engine, first.length)
  check('each is an event in the inbox', stored === first.length, stored)

  await engine.restart()
  check('after a restart of the daemon the service is ready', await ready(engine))
  for (const service of LONG_RUNNING) {
    check(`${service} runs again`, (await inspect(engine, service)).Status === 'running')
  }
  const second = await deliver(engine)
  check(
    'signed deliveries get 200',
    second.every((status) => status === 200),
    second,
  )
  const total = first.length + second.length
  const kept = await inboxHolds(engine, total)
  check('the earlier events are still there', kept === total, kept)

  await engine.compose(project, 'stop')
  for (const service of LONG_RUNNING) {
    const { ExitCode } = await inspect(engine, service)
    check(`${service} stops with 0`, ExitCode === 0, ExitCode)
  }
  await engine.compose(project, 'up', '-d')
  check('started again the service is ready', await ready(engine))
  const after = await events(engine)
  check('no event is lost by a stop', after === total, after)
  await engine.compose(project, 'down', '-v')
} finally {
  await engine.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(wrong === 0 ? 0 : 1)
