import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createService, type ServiceProcess } from '../harness/service.ts'
import type { ProviderName } from '../src/providers/index.ts'
import { createMailgunSigner, urlencoded } from '../src/simulators/mailgun/sign.ts'
import { bodyOf, createSendgridSigner } from '../src/simulators/sendgrid/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import { createStripeSigner } from '../src/simulators/stripe/sign.ts'
import { asService, cloneDatabase } from './database.ts'
import { freshRedis } from './redis.ts'
import { eventually } from './service.ts'

// SECURITY.md says how to replace each key. Here it is done, by restarts of the service, while deliveries go on.

/** What a provider signs with: Stripe uses both secrets for as long as the old one lives. */
type Signing = 'old' | 'both' | 'new'

interface Rotating {
  provider: ProviderName
  path: string
  variable: string
  old: string
  new: string
  /** The new key is known only when the provider signs with it already: what is refused until then comes again. */
  learnedLate?: boolean
  /** A delivery of the event with this id. */
  sign: (id: string, signing: Signing) => SignedRequest
}

const sendgrid = { old: createSendgridSigner(), new: createSendgridSigner() }
const stripe = { old: createStripeSigner(), new: createStripeSigner() }
const mailgun = { old: createMailgunSigner(), new: createMailgunSigner() }

const PROVIDERS: Rotating[] = [
  {
    provider: 'sendgrid',
    path: '/webhooks/sendgrid',
    variable: 'SENDGRID_WEBHOOK_KEY',
    old: sendgrid.old.publicKey,
    new: sendgrid.new.publicKey,
    learnedLate: true,
    sign: (id, signing) =>
      sendgrid[signing === 'old' ? 'old' : 'new'].sign(
        Buffer.from(bodyOf([{ event: 'open', sg_event_id: id, timestamp: Date.now() }])),
      ),
  },
  {
    provider: 'stripe',
    path: '/webhooks/stripe',
    variable: 'STRIPE_WEBHOOK_SECRET',
    old: stripe.old.secret,
    new: stripe.new.secret,
    sign: (id, signing) => {
      const body = JSON.stringify({ id, object: 'event', type: 'charge.updated', data: { object: {} } })
      const now = new Date()
      if (signing !== 'both') return stripe[signing].sign(body, now)
      const { headers, body: bytes } = stripe.old.sign(body, now)
      const second = stripe.new.sign(body, now).headers['stripe-signature']?.split(',')[1]
      return {
        headers: { ...headers, 'stripe-signature': `${headers['stripe-signature']},${second}` },
        body: bytes,
      }
    },
  },
  {
    provider: 'mailgun',
    path: '/webhooks/mailgun-inbound',
    variable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
    old: mailgun.old.key,
    new: mailgun.new.key,
    learnedLate: true,
    sign: (id, signing) =>
      urlencoded([
        ['recipient', 'box@rf-send-01.com'],
        ['Message-Id', `<${id}@example.com>`],
        ...mailgun[signing === 'old' ? 'old' : 'new'].sign({ token: id }),
      ]),
  },
]

/** Sends one event after the other, each until it gets its 200, as its provider does. */
const keepSending = (service: ServiceProcess, { path, sign, learnedLate = false }: Rotating) => {
  const sent = { old: [], both: [], new: [] } as Record<Signing, string[]>
  const refused: number[] = []
  let signing: Signing = 'old'
  let running = true
  let acknowledged = 0
  const deliver = async (request: SignedRequest): Promise<void> => {
    const { headers, body } = request
    for (;;) {
      const answer = await fetch(service.url + path, {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
      }).catch(() => undefined)
      await answer?.text()
      if (answer?.status === 200) return
      if (answer !== undefined && answer.status !== 503) {
        refused.push(answer.status)
        if (!learnedLate) return
      }
      await sleep(50)
    }
  }
  const loop = async () => {
    while (running) {
      const id = randomBytes(25).toString('hex')
      const before = signing
      sent[before].push(id)
      await deliver(sign(id, before))
      if (before === signing) acknowledged++
      await sleep(5)
    }
  }
  const done = loop()
  return {
    sent,
    refused,
    /** Signs so from now on, whatever comes of it. */
    switchTo: (next: Signing) => {
      signing = next
    },
    /** Signs so from now on; resolves once some deliveries signed so are acknowledged. */
    signSome: async (next: Signing) => {
      signing = next
      acknowledged = 0
      await eventually(() => acknowledged >= 5 || undefined, 'some deliveries are acknowledged', 60)
    },
    stop: async () => {
      running = false
      await done
    },
  }
}

let database: Awaited<ReturnType<typeof cloneDatabase>>
let service: ServiceProcess
const senders = new Map<ProviderName, ReturnType<typeof keepSending>>()
const stored = new Map<ProviderName, Set<string>>()

beforeAll(async () => {
  database = await cloneDatabase()
  service = await createService({
    STRIPE_PRICE_PRO: 'price_pro',
    STRIPE_PRICE_TEAMS: 'price_teams',
    DATABASE_URL: asService(database.url),
    REDIS_URL: await freshRedis(),
  })
  const startWith = async (keys: (provider: Rotating) => string) => {
    expect(await service.end('SIGTERM')).toBe(senders.size === 0 ? null : 0)
    service.start(Object.fromEntries(PROVIDERS.map((one) => [one.variable, keys(one)])))
    await service.ready()
  }
  const sendSome = async (signing: Signing) => {
    await Promise.all(senders.values().map((sender) => sender.signSome(signing)))
  }

  await startWith((one) => one.old)
  for (const one of PROVIDERS) senders.set(one.provider, keepSending(service, one))
  await sendSome('old')
  for (const { provider, learnedLate } of PROVIDERS) {
    if (learnedLate !== true) continue
    const sender = senders.get(provider) as ReturnType<typeof keepSending>
    sender.switchTo('new')
    await eventually(() => sender.refused.length >= 3 || undefined, 'the new key is not known yet', 60)
  }
  await startWith((one) => `${one.old},${one.new}`)
  await sendSome('both')
  await sendSome('new')
  await startWith((one) => one.new)
  await sendSome('new')
  for (const sender of senders.values()) await sender.stop()

  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await eventually(
    async () => (await client.query('select from webhook_queue limit 1')).rows.length === 0,
    'every delivery is processed',
  )
  const { rows } = await client.query(
    'select provider, array_agg(event_id) as ids from webhook_events group by 1',
  )
  await client.end()
  for (const { provider, ids } of rows) stored.set(provider, new Set(ids))
}, 120_000)
afterAll(async () => {
  for (const sender of senders.values()) await sender.stop()
  await service.end('SIGKILL')
  await database.drop()
})

test.each(PROVIDERS)(
  '$provider: replacing $variable by `old,new`, then `new`, loses no event',
  ({ provider, learnedLate = false }) => {
    const { sent, refused } = senders.get(provider) as ReturnType<typeof keepSending>
    if (learnedLate) expect(new Set(refused)).toEqual(new Set([401]))
    else expect(refused).toEqual([])
    for (const ids of Object.values(sent)) {
      expect(ids.length).toBeGreaterThan(3)
      expect(ids.filter((id) => !stored.get(provider)?.has(id))).toEqual([])
    }
  },
)

test.each(PROVIDERS)('$provider: afterwards the old key is worth nothing', async ({ path, sign }) => {
  const { headers, body } = sign(randomBytes(25).toString('hex'), 'old')
  const answer = await fetch(service.url + path, { method: 'POST', headers, body: new Uint8Array(body) })
  expect(await answer.json()).toMatchObject({ code: 'WEBHOOK_SIGNATURE_INVALID' })
})
