import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import pretty from 'pino-pretty'
import { ended } from '../harness/child.ts'
import { seed } from '../harness/seed.ts'
import { guardProcess } from '../harness/server-process.ts'
import { startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import { PROVIDER_NAMES, providers } from '../src/providers/index.ts'

// The whole stack on this machine, left running: Postgres, Redis, and the service restarted on every change.

const folder = fileURLToPath(new URL('../.data/dev', import.meta.url))
mkdirSync(folder, { recursive: true })
console.log('Starting PostgreSQL and Redis …')
const stack = await startStack(join(folder, 'postgres')).catch((error: Error) => {
  console.error(error.message) // it says what to do
  process.exit(1)
})
const databaseUrl = stack.postgres.url
await migrate(databaseUrl)
await seed(databaseUrl)

/** Kept, so that a delivery signed yesterday still verifies today. */
const keysFile = join(folder, 'keys.json')
const kept = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')).keys : {}
const played = await Promise.all(
  PROVIDER_NAMES.map(async (name) => ({ name, ...(await providers[name].simulator()).play(kept?.[name]) })),
)
/** The developer's own settings win. Keys of a real provider are accepted in addition to those made here. */
const environment: Record<string, string> = {}
for (const { name, environment: own } of played) {
  for (const [variable, value] of Object.entries(own)) {
    const given = process.env[variable]
    environment[variable] =
      given && variable === providers[name].keyVariable ? `${given},${value}` : given || value
  }
}
const port = await usablePort(Number(process.env.PORT ?? 3000))
/** The command line reads it: see src/cli/development.ts. */
const forCommands = {
  keys: Object.fromEntries(played.map(({ name, key }) => [name, key])),
  port,
  databaseUrl,
  redisUrl: stack.redis.url,
}
writeFileSync(keysFile, JSON.stringify(forCommands), { mode: 0o600 })

/** For this machine only: the service listens on loopback and `.env` is not read here. */
const consolePassword = process.env.CONSOLE_PASSWORD ?? 'local-development'

const service = spawn(process.execPath, ['--watch', '--watch-preserve-output', 'src/server.ts'], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  stdio: ['ignore', 'pipe', 'inherit'],
  env: {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    REDIS_URL: stack.redis.url,
    ...environment,
    CONSOLE_PASSWORD: consolePassword,
    // One line per batch, so that a developer sees when an event is applied.
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'debug',
  },
})

guardProcess(service, 'TERM')
service.stdout.pipe(pretty({ translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname' }))

console.log(`
${styleText('bold', 'RoleFerry webhooks, for development')}
  service    http://127.0.0.1:${port}   (restarts when a file changes)
  ready?     http://127.0.0.1:${port}/readyz
  console    http://127.0.0.1:${port}/console   (any name, the password is ${consolePassword})
  Postgres   ${databaseUrl}
  Redis      ${stack.redis.url}

${styleText('bold', 'From a second terminal')}:
  npm run webhooks -- send sendgrid delivered --outreach 1    a signed test event
  npm run webhooks -- events list                             what it led to
  npm run webhooks -- --help                                  all other commands

Ctrl-C stops everything; the data stays in .data/dev.
`)

let stopping = false
const stop = async (): Promise<void> => {
  if (stopping) return
  stopping = true
  service.kill('SIGTERM')
  await ended(service)
  await stack.stop()
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())
service.once('exit', () => void stop())

/** The wanted port, or a free one when another program uses it. */
function usablePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', () => (wanted === 0 ? reject(new Error('no free port')) : resolve(usablePort(0))))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : wanted))
    })
  })
}
