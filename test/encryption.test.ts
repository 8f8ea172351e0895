import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { findServerUser } from '../harness/postgres-cluster.ts'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { SEEDED, seed } from '../harness/seed.ts'
import { createService } from '../harness/service.ts'
import { migrate } from '../src/migrate.ts'
import { providers } from '../src/providers/index.ts'
import { sendgridSimulator } from '../src/simulators/sendgrid/simulator.ts'
import { stripeSimulator } from '../src/simulators/stripe/simulator.ts'
import { makeCertificates } from './certificates.ts'
import { eventually, type Service, startService } from './service.ts'
import { SERVICE_ROLE } from './template.ts'

// What docs/encryption.md says, tried with servers that have certificates of an authority of one's own.

const sendgrid = sendgridSimulator.play()
const stripe = stripeSimulator.play()

let folder: string
let files: ReturnType<typeof makeCertificates>
let postgres: PostgresServer
let redis: RedisServer
let mailServer: SMTPServer
/** What the mail server received: whether in TLS, and the login. */
const logins: { secure: boolean; password: string }[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'webhooks-tls-'))
  chmodSync(folder, 0o755) // Postgres is another user
  files = makeCertificates(folder)
  // Postgres wants a key of its own user's.
  const key = join(folder, 'postgres.key')
  copyFileSync(files.key, key)
  const user = await findServerUser()
  if (user !== undefined) chownSync(key, user.uid, user.gid)
  const settings = ['ssl=on', `ssl_cert_file=${files.certificate}`, `ssl_key_file=${key}`]
  ;[postgres, redis] = await Promise.all([
    startPostgres(join(folder, 'postgres'), { temporary: true, settings }),
    startRedis({ tls: files }),
  ])
  await migrate(postgres.url, { name: SERVICE_ROLE })
  await seed(postgres.url)
  mailServer = new SMTPServer({
    key: readFileSync(files.key),
    cert: readFileSync(files.certificate),
    onAuth: ({ password }, { secure }, callback) => {
      logins.push({ secure, password: password ?? '' })
      callback(null, { user: 'sam' })
    },
    onData: (stream, _session, callback) => {
      stream.resume().once('end', () => callback())
    },
  })
  mailServer.on('error', () => {}) // a client that did not trust it
  mailServer.listen(0, '127.0.0.1')
  await once(mailServer.server, 'listening')
}, 60_000)
afterAll(async () => {
  await Promise.all([
    postgres.stop('immediate'),
    redis.stop(),
    new Promise<void>((done) => mailServer.close(() => done())),
  ])
  rmSync(folder, { recursive: true, force: true })
})

const databaseUrl = (parameters: string, host = 'localhost') =>
  `postgres://${SERVICE_ROLE}:x@${host}:${postgres.port}/postgres?${parameters}`

/** Settings that are right, but for the authority that Redis and the mail server need. */
const settings = (): Record<string, string> => ({
  ...sendgrid.environment,
  ...stripe.environment,
  DATABASE_URL: databaseUrl(`sslmode=verify-full&sslrootcert=${files.authority}`),
  REDIS_URL: redis.url,
  SMTP_URL: `smtp://sam:mail-password@localhost:${(mailServer.server.address() as AddressInfo).port}`,
})

const post = async (service: { url: string }, path: string, { headers, body }: Signed) =>
  (await fetch(`${service.url}${path}`, { method: 'POST', headers, body: new Uint8Array(body) })).status
type Signed = { headers: Record<string, string>; body: Buffer }

test('with the settings of the page nothing travels in clear', async () => {
  const service = await createService({ ...settings(), NODE_EXTRA_CA_CERTS: files.authority })
  service.start()
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  try {
    await service.ready()
    const { rows } = await client.query(
      `select count(*)::int as sessions, bool_and(ssl) as encrypted
       from pg_stat_activity join pg_stat_ssl using (pid) where usename = $1`,
      [SERVICE_ROLE],
    )
    expect(rows).toEqual([{ sessions: expect.any(Number), encrypted: true }])
    expect(rows[0].sessions).toBeGreaterThan(0)

    const click = sendgrid.samples.click?.(SEEDED, new Date()).sign(new Date()) as Signed
    expect(await post(service, providers.sendgrid.path, click)).toBe(200)
    const asked = new Redis(redis.url, { tls: { ca: readFileSync(files.authority) } })
    await eventually(
      async () => (await asked.keys('webhook:processed:*')).length > 0 || undefined,
      'Redis has the key of the event',
    )
    asked.disconnect()

    const begun = stripe.samples['customer.subscription.created']?.(SEEDED, new Date()).sign(new Date())
    expect(await post(service, providers.stripe.path, begun as Signed)).toBe(200)
    await eventually(() => logins[0], 'the mail server gets the password')
    expect(logins).toEqual([{ secure: true, password: 'mail-password' }])
    expect(service.log().join('\n')).not.toContain('notification failed')
  } finally {
    await client.end()
    await service.end('SIGTERM')
  }
}, 120_000)

/** In this process, which knows no other authority than Node's. */
const logOf = (service: Service) => JSON.stringify(service.logs)

test.each([
  ['an authority that is not known', () => databaseUrl('sslmode=verify-full')],
  [
    'a name that the certificate does not have',
    () => databaseUrl(`sslmode=verify-full&sslrootcert=${files.authority}`, '127.0.0.1'),
  ],
])('Postgres with %s is not spoken to', async (_, url) => {
  const service = await startService({ env: { ...settings(), DATABASE_URL: url() } })
  try {
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503)
    await eventually(() => /certificate|altnames/i.test(logOf(service)) || undefined, 'the log says why')
  } finally {
    await service.stop()
  }
})

test('Redis and the mail server with an authority that is not known are not spoken to', async () => {
  const before = logins.length
  const service = await startService({ env: settings() })
  try {
    await eventually(() => /redis is away/.test(logOf(service)) || undefined, 'Redis is not trusted')
    const about = { ...SEEDED, customer: 'cus_Kim' }
    const begun = stripe.samples['customer.subscription.created']?.(about, new Date()).sign(new Date())
    expect(await post(service, providers.stripe.path, begun as Signed)).toBe(200)
    await eventually(() => /notification failed/.test(logOf(service)) || undefined, 'the mail is not sent')
    expect(logins).toHaveLength(before)
  } finally {
    await service.stop()
  }
})
