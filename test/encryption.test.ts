import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { findServerUser } from '../harness/postgres-cluster.ts'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { seed } from '../harness/seed.ts'
import { createService, type ServiceProcess } from '../harness/service.ts'
import { migrate } from '../src/db/migrate.ts'
import { kits } from '../src/providers/kits.ts'
import { makeCertificates } from './certificates.ts'
import { eventually } from './service.ts'
import { SERVICE_ROLE } from './template.ts'

// What docs/encryption.md says, tried with servers that have certificates of an authority of one's own.

const ABOUT = {
  outreach: '1',
  customer: 'cus_Sam',
  mailbox: 'sam@rf-send-01.com',
  contact: 'ana@acme.example',
  price: 'price_pro',
}
const sendgrid = kits.sendgrid.play()
const stripe = kits.stripe.play()

let folder: string
let files: ReturnType<typeof makeCertificates>
let postgres: PostgresServer
let redis: RedisServer
let mailServer: SMTPServer
/** What the mail server was told: whether in TLS, and the login. */
const logins: { secure: boolean; password: string }[] = []
const services: ServiceProcess[] = []

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
afterEach(async () => {
  // Another one would do the next one's work.
  await Promise.all(services.splice(0).map((service) => service.end('SIGTERM')))
})
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

/** The service, as it is started, with settings that are right unless others are given. */
const start = async (env: Record<string, string> = {}): Promise<ServiceProcess> => {
  const { port } = mailServer.server.address() as AddressInfo
  const service = await createService({
    ...sendgrid.environment,
    ...stripe.environment,
    DATABASE_URL: databaseUrl(`sslmode=verify-full&sslrootcert=${files.authority}`),
    REDIS_URL: redis.url,
    SMTP_URL: `smtp://sam:mail-password@localhost:${port}`,
    NODE_EXTRA_CA_CERTS: files.authority,
    ...env,
  })
  services.push(service)
  service.start()
  return service
}
const post = async (service: ServiceProcess, path: string, { headers, body }: Signed) =>
  (await fetch(`${service.url}${path}`, { method: 'POST', headers, body: new Uint8Array(body) })).status
type Signed = { headers: Record<string, string>; body: Buffer }

test('with the settings of the page nothing travels in clear', async () => {
  const service = await start()
  await service.ready()
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select count(*)::int as sessions, bool_and(ssl) as encrypted
       from pg_stat_activity join pg_stat_ssl using (pid) where usename = $1`,
      [SERVICE_ROLE],
    )
    expect(rows).toEqual([{ sessions: expect.any(Number), encrypted: true }])
    expect(rows[0].sessions).toBeGreaterThan(0)

    const click = sendgrid.samples.click?.(ABOUT, new Date()).sign(new Date()) as Signed
    expect(await post(service, kits.sendgrid.path, click)).toBe(200)
    const asked = new Redis(redis.url, { tls: { ca: readFileSync(files.authority) } })
    await eventually(
      async () => (await asked.keys('webhook:processed:*')).length > 0 || undefined,
      'Redis has the key of the event',
    )
    asked.disconnect()

    const begun = stripe.samples['customer.subscription.created']?.(ABOUT, new Date()).sign(new Date())
    expect(await post(service, kits.stripe.path, begun as Signed)).toBe(200)
    await eventually(() => logins[0], 'the mail server is told the password')
    expect(logins).toEqual([{ secure: true, password: 'mail-password' }])
    expect(service.log().join('\n')).not.toContain('notification failed')
  } finally {
    await client.end()
  }
}, 60_000)

test('Postgres with an authority that is not known, or with another name, is not spoken to', async () => {
  const verified = 'sslmode=verify-full'
  const wrong = await Promise.all([
    start({ DATABASE_URL: databaseUrl(verified), NODE_EXTRA_CA_CERTS: '' }),
    start({ DATABASE_URL: databaseUrl(`${verified}&sslrootcert=${files.authority}`, '127.0.0.1') }),
  ])
  for (const service of wrong) {
    const isUnready = async () =>
      (await fetch(`${service.url}/readyz`).catch(() => undefined))?.status === 503 || undefined
    await eventually(isUnready, 'it listens and is not ready', 60)
    const saysWhy = () => /certificate|altnames/i.test(service.log().join('\n')) || undefined
    await eventually(saysWhy, 'the log says why')
    expect(service.isRunning()).toBe(true)
  }
}, 90_000)

test('Redis and the mail server with an authority that is not known are not spoken to', async () => {
  const before = logins.length
  const service = await start({ NODE_EXTRA_CA_CERTS: '' })
  await service.ready()
  await eventually(() => /redis is away/.test(service.log().join('\n')) || undefined, 'Redis is not trusted')
  const about = { ...ABOUT, customer: 'cus_Kim' }
  const begun = stripe.samples['customer.subscription.created']?.(about, new Date()).sign(new Date())
  expect(await post(service, kits.stripe.path, begun as Signed)).toBe(200)
  await eventually(
    () => /notification failed/.test(service.log().join('\n')) || undefined,
    'the mail is not sent',
  )
  expect(logins).toHaveLength(before)
}, 60_000)
