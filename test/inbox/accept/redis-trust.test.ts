import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { urlencoded } from '../../../src/simulators/mailgun/sign.ts'
import { post } from '../../provider-contract.ts'
import { mail, mailgunEnv, PATH, signature } from '../../providers/mailgun/deliveries.ts'
import {
  deliver as deliverEvents,
  event,
  seedOutreach,
  sendgridEnv,
} from '../../providers/sendgrid/deliveries.ts'
import { deliver as deliverStripe, stripeEnv } from '../../providers/stripe/deliveries.ts'
import { eventually, type Service, startService } from '../../service.ts'

// Redis may hold anything: by mistake, or because somebody can write to it. No money event and no mail is lost to it.

let service: Service
let redis: Redis
beforeAll(async () => {
  service = await startService({ env: { ...sendgridEnv, ...stripeEnv, ...mailgunEnv } })
  redis = new Redis(service.redisUrl)
  await seedOutreach(service, 1)
})
afterAll(async () => {
  redis.disconnect()
  await service.stop()
})

const keyOf = (eventId: string) => `webhook:processed:${eventId}`

/** Values that a person or program may put at a key. */
const values: [name: string, set: (key: string) => Promise<unknown>][] = [
  ['a time, set by hand', (key) => redis.set(key, '2026-11-28T00:00:00.000Z')],
  ['a time of this moment', (key) => redis.set(key, new Date().toISOString(), 'EX', 86_400)],
  ['an empty string', (key) => redis.set(key, '')],
  ['garbage', (key) => redis.set(key, '2026-…')],
  ['bytes that are no text', (key) => redis.set(key, Buffer.from([0xff, 0x00, 0xfe]))],
  ['a time that does not exist', (key) => redis.set(key, '2026-99-99T99:99:99.000Z')],
  ['a list', (key) => redis.lpush(key, new Date().toISOString())],
  ['a hash', (key) => redis.hset(key, 'time', new Date().toISOString())],
]

let serial = 0
const invoicePaid = () => {
  serial++
  return {
    id: `evt_trust_${serial}`,
    object: 'event',
    type: 'invoice.paid',
    created: Math.floor(Date.now() / 1_000),
    data: { object: { id: `in_trust_${serial}`, object: 'invoice', customer: 'cus_nobody_yet' } },
  }
}
const stored = async (eventId: string) => {
  await service.settled()
  return service.rows('select status from webhook_events where event_id = $1', eventId)
}

describe.each(values)('a key that holds %s', (_name, set) => {
  test('makes no invoice.paid vanish', async () => {
    const paid = invoicePaid()
    await set(keyOf(paid.id))
    expect(await deliverStripe(service, paid)).toMatchObject({
      status: 200,
      body: { status: 'ok', accepted: 1, duplicates: 0 },
    })
    expect(await stored(paid.id)).toHaveLength(1)
  })

  test('makes no mail vanish', async () => {
    const token = `token-${crypto.randomUUID()}`
    await set(keyOf(token))
    expect(await post(service, PATH, urlencoded([...mail(), ...signature({}, token)]))).toMatchObject({
      status: 200,
      body: { status: 'ok', accepted: 1, duplicates: 0 },
    })
    expect(await stored(token)).toHaveLength(1)
  })
})

test.each(values.filter(([name]) => !/time,|moment/.test(name)))(
  'a key that holds %s makes no event of SendGrid vanish',
  async (_name, set) => {
    const click = event('click')
    await set(keyOf(String(click.sg_event_id)))
    expect(await deliverEvents(service, click)).toMatchObject({
      status: 200,
      body: { status: 'ok', accepted: 1, duplicates: 0 },
    })
    expect(await stored(String(click.sg_event_id))).toHaveLength(1)
  },
)

test("SendGrid's deliveries alone are answered from a key that looks like ours", async () => {
  const click = event('click')
  await redis.set(keyOf(String(click.sg_event_id)), '2026-11-28T00:00:00.000Z')
  expect(await deliverEvents(service, click)).toMatchObject({
    status: 200,
    body: { status: 'duplicate', processed_at: '2026-11-28T00:00:00.000Z' },
  })
})

test('a redelivery of money or mail is a duplicate by what the inbox says, whatever Redis says', async () => {
  const paid = invoicePaid()
  await deliverStripe(service, paid)
  await redis.set(keyOf(paid.id), '2001-01-01T00:00:00.000Z')
  // It waits for its user: not processed.
  expect((await deliverStripe(service, paid)).body).toEqual({ status: 'duplicate', processed_at: null })
})

test('a mark of the inbox that holds something else is replaced, and keys are believed again', async () => {
  await redis.del('webhook:inbox')
  await redis.set('webhook:inbox', 'something else')
  const other = await startService({
    env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
  })
  try {
    await eventually(
      async () => (await redis.type('webhook:inbox')) === 'hash' || undefined,
      'the mark is a hash again',
    )
    const click = event('click')
    await deliverEvents(other, click)
    await other.settled()
    await eventually(() => redis.get(keyOf(String(click.sg_event_id))).then((v) => v ?? undefined), 'a key')
    expect((await deliverEvents(other, click)).body).toMatchObject({ status: 'duplicate' })
  } finally {
    await other.stop()
  }
})
