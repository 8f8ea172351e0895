import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { MAX_ALERTS_A_DAY } from '../../../src/inbox/process/misunderstood.ts'
import type { Operator } from '../../../src/operations/audit.ts'
import { listEvents } from '../../../src/operations/events.ts'
import { replayEvents } from '../../../src/operations/replay.ts'
import { createProviders } from '../../../src/providers/index.ts'
import {
  deliver as deliverEvents,
  event,
  seedOutreach,
  sendgridEnv,
} from '../../providers/sendgrid/deliveries.ts'
import { deliver as deliverStripe, stripeEnv } from '../../providers/stripe/deliveries.ts'
import { eventually, type Service, startService } from '../../service.ts'
import { storeEvents } from '../../stored.ts'

// Promise 8: nothing is silently misunderstood.

let service: Service
let agent: Socket
let packets: string[] = []
beforeAll(async () => {
  agent = createSocket('udp4')
  agent.on('message', (message) => packets.push(...message.toString().split('\n')))
  agent.bind(0, '127.0.0.1')
  await once(agent, 'listening')
  service = await startService({
    env: { ...sendgridEnv, ...stripeEnv, DD_DOGSTATSD_PORT: String((agent.address() as AddressInfo).port) },
  })
  await seedOutreach(service, 1)
})
afterAll(async () => {
  await service.stop()
  agent.close()
})

const DAY = 86_400_000
const by: Operator = { operator: 'kim', via: 'command line', reason: 'it is handled now' }

const stripeEvent = (type: string, fields: object = {}) => ({
  id: `evt_${crypto.randomUUID()}`,
  object: 'event',
  type,
  created: Math.floor(service.now().getTime() / 1_000),
  data: { object: { id: 'in_1', object: 'invoice', customer: 'cus_1' } },
  ...fields,
})

/** The rows of a type, and what was said about it. */
const about = async (type: string) => ({
  rows: await service.rows(
    'select status, misunderstood, processed_at from webhook_events where event_type = $1 order by id',
    type,
  ),
  alerts: (
    await service.rows(
      `select data -> 'data' as data from pgboss.job where name = 'notify-slack' and data -> 'data' ->> 'text' like '%"' || $1 || '"%'`,
      type,
    )
  ).map(({ data }) => data as { channel: string; text: string }),
  warnings: service.logs.filter((line) => line.msg === 'not understood' && line.cause === type),
})

describe.each([
  ['sendgrid', 'bounced', (type: string) => deliverEvents(service, event(type))],
  ['sendgrid', 'complaint', (type: string) => deliverEvents(service, event(type))],
  ['sendgrid', 'Bounce', (type: string) => deliverEvents(service, event(type))],
  ['sendgrid', 'constructor', (type: string) => deliverEvents(service, event(type))],
  ['stripe', 'invoice.settled', (type: string) => deliverStripe(service, stripeEvent(type))],
  ['stripe', 'customer.subscription.renewed', (type: string) => deliverStripe(service, stripeEvent(type))],
  ['stripe', '__proto__', (type: string) => deliverStripe(service, stripeEvent(type))],
] as const)('%s: the type %s, which was never seen before', (provider, type, deliver) => {
  test('is kept as ignored with the reason, warned of and alerted once, and counted each time', async () => {
    packets = []
    for (let n = 0; n < 3; n++) {
      expect(await deliver(type)).toMatchObject({ status: 200, body: { status: 'ok', accepted: 1 } })
      await service.settled()
    }
    const { rows, alerts, warnings } = await about(type)
    expect(rows).toEqual(
      Array(3).fill({
        status: 'ignored',
        misunderstood: expect.stringContaining(`"${type}"`),
        processed_at: expect.any(Date),
      }),
    )
    expect(alerts).toEqual([{ channel: 'ops', text: expect.stringContaining(`❓ ${provider}: `) }])
    expect(alerts[0]?.text).toMatch(/docs\/runbooks\/misunderstood\.md$/)
    expect(warnings).toHaveLength(1)
    const counted = () =>
      packets.filter(
        (line) =>
          line.includes('.misunderstood:') &&
          line.includes(`provider:${provider}`) &&
          line.includes('reason:unknown_type'),
      )
    await eventually(() => counted().length === 3 || undefined, 'three are counted')
  })
})

test('entries without a type are skipped with the reason, warned of and alerted once', async () => {
  const { event: _, ...moved } = event('delivered')
  const entries = [
    { ...moved, type: 'delivered' },
    { event: '' },
    { event: { name: 'bounce' } },
    'bounce',
    null,
    [event('bounce')],
  ]
  expect(await deliverEvents(service, ...entries)).toMatchObject({
    status: 200,
    body: { accepted: entries.length },
  })
  expect(await deliverEvents(service, { event: null, n: 1 })).toMatchObject({
    status: 200,
    body: { accepted: 1 },
  })
  await service.settled()
  const rows = await service.rows(
    `select status, last_error, misunderstood, processed_at from webhook_events where event_type = 'invalid' order by id`,
  )
  expect(rows).toHaveLength(entries.length + 1)
  for (const row of rows) {
    expect(row).toMatchObject({ status: 'skipped', processed_at: null })
    expect(row.last_error).toMatch(/the entry (is not an object|has no usable "event")/)
    expect(row.misunderstood).toBe(row.last_error)
  }
  const alerts = await service.rows(
    `select id from pgboss.job where name = 'notify-slack' and data ->> 'key' = 'sendgrid:misunderstood:missing_field:event'`,
  )
  expect(alerts).toHaveLength(1)
  expect(service.logs.filter((line) => line.msg === 'not understood' && line.cause === 'event')).toHaveLength(
    1,
  )
})

test('a type that is known and not handled is ignored, without a log line or alert', async () => {
  const known = {
    sendgrid: ['deferred', 'open', 'group_resubscribe'],
    stripe: [
      'customer.created',
      'payment_intent.succeeded',
      'customer.subscription.trial_will_end',
      'invoice.finalized',
    ],
  }
  await deliverEvents(service, ...known.sendgrid.map((type) => event(type)))
  for (const type of known.stripe) await deliverStripe(service, stripeEvent(type))
  await service.settled()
  for (const type of Object.values(known).flat()) {
    expect(await about(type)).toEqual({
      rows: [{ status: 'ignored', misunderstood: null, processed_at: expect.any(Date) }],
      alerts: [],
      warnings: [],
    })
  }
})

test('no type that a provider is known to send is unknown', async () => {
  const providers = await createProviders(readConfig({ DATABASE_URL: 'postgres://localhost/unused' }))
  const typesOf = (name: string) => [...(providers.find((one) => one.name === name)?.eventTypes ?? [])]
  await deliverEvents(service, ...typesOf('sendgrid').map((type) => event(type)))
  await Promise.all(typesOf('stripe').map((type) => deliverStripe(service, stripeEvent(type))))
  await service.settled()
  const [count] = await service.rows(
    `select count(*)::int as unknown from webhook_events where event_type = any($1) and misunderstood like '%never seen%'`,
    [...typesOf('sendgrid'), ...typesOf('stripe')],
  )
  expect(count).toEqual({ unknown: 0 })
})

test('several in one delivery, at the same moment and again after weeks: one alert each', async () => {
  const types = ['delayed', 'opened', 'clicked']
  const all = () => types.flatMap((type) => [event(type), event(type)])
  await Promise.all([deliverEvents(service, ...all()), deliverEvents(service, ...all().reverse())])
  await service.settled()
  for (const type of types) expect((await about(type)).alerts).toHaveLength(1)
  service.advance(45 * DAY)
  // pg-boss forgets a job after a month.
  await service.rows(`delete from pgboss.job where name = 'notify-slack'`)
  await deliverEvents(service, ...all())
  await service.settled()
  for (const type of types) {
    const { rows, alerts, warnings } = await about(type)
    expect(rows).toHaveLength(6)
    expect([alerts.length, warnings.length]).toEqual([0, 1])
  }
})

test('an alert that was not committed is requested by the next attempt', async () => {
  await service.rows(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
    create trigger refuse before insert on event_notifications for each row execute function refuse()`)
  await deliverEvents(service, event('rejected'))
  await service.settled()
  expect(await about('rejected')).toMatchObject({ rows: [{ status: 'pending' }], alerts: [], warnings: [] })
  await service.rows('drop trigger refuse on event_notifications')
  service.advance(20_000)
  await service.settled()
  const { rows, alerts, warnings } = await about('rejected')
  expect(rows).toMatchObject([{ status: 'ignored', misunderstood: expect.any(String) }])
  expect([alerts.length, warnings.length]).toEqual([1, 1])
})

test('alerts are limited per day, and the last one says so; what was left is alerted on another day', async () => {
  service.advance(DAY)
  const invented = Array.from({ length: MAX_ALERTS_A_DAY + 20 }, (_, n) => `invented-${n}`)
  for (let from = 0; from < invented.length; from += 30) {
    await deliverEvents(service, ...invented.slice(from, from + 30).map((type) => event(type)))
    await service.settled()
  }
  const texts = async () =>
    (
      await service.rows(
        `select data -> 'data' ->> 'text' as text from pgboss.job where name = 'notify-slack' and data ->> 'key' like 'sendgrid:misunderstood:%'`,
      )
    ).map(({ text }) => String(text))
  const before = await texts()
  expect(before.filter((text) => text.includes('"invented-'))).toHaveLength(MAX_ALERTS_A_DAY)
  expect(before.filter((text) => text.includes(`more than ${MAX_ALERTS_A_DAY}`))).toHaveLength(1)
  const [marked] = await service.rows(
    `select count(*)::int as count from webhook_events where event_type like 'invented-%' and misunderstood is not null`,
  )
  expect(marked).toEqual({ count: invented.length })
  // Stripe has a share of its own.
  await deliverStripe(service, stripeEvent('invoice.invented'))
  await service.settled()
  expect((await about('invoice.invented')).alerts).toHaveLength(1)

  service.advance(DAY)
  await deliverEvents(service, ...invented.slice(-5).map((type) => event(type)))
  await service.settled()
  expect((await texts()).filter((text) => text.includes('"invented-'))).toHaveLength(MAX_ALERTS_A_DAY + 5)
})

test('what a catch-up fetched of long ago is marked, and the next event with the same cause alerts', async () => {
  const type = 'invoice.from_long_ago'
  const old = stripeEvent(type)
  await storeEvents(service.db, [
    {
      provider: 'stripe',
      eventId: String(old.id),
      eventType: type,
      payload: old,
      source: 'catch-up',
      occurredAt: new Date(service.now().getTime() - 2 * DAY),
      receivedAt: service.now(),
    },
  ])
  await service.settled()
  expect(await about(type)).toMatchObject({
    rows: [{ status: 'ignored', misunderstood: expect.any(String) }],
    alerts: [],
  })
  await deliverStripe(service, stripeEvent(type))
  await service.settled()
  expect((await about(type)).alerts).toHaveLength(1)
})

describe('a replay', () => {
  test('of an event that is still unknown marks it again without an alert', async () => {
    await deliverEvents(service, event('postponed'))
    await service.settled()
    await replayAll('postponed')
    const { rows, alerts, warnings } = await about('postponed')
    expect(rows).toMatchObject([{ status: 'ignored', misunderstood: expect.any(String) }])
    expect([alerts.length, warnings.length]).toEqual([1, 1])
  })

  test('of an event that has a handler now applies it, and it is understood', async () => {
    const later = event('clicked_link', { outreach_id: '1' })
    await deliverEvents(service, later)
    await service.settled()
    const clicks = async () =>
      (await service.rows('select link_clicks from outreach where id = 1'))[0]?.link_clicks
    const before = Number(await clicks())
    // As if the next version handled the type: a click under another name.
    await service.rows(`update webhook_events set event_type = 'click' where event_type = 'clicked_link'`)
    await replayAll('click', 'ignored')
    expect(await clicks()).toBe(before + 1)
    const [row] = await service.rows(
      'select status, misunderstood from webhook_events where event_id = $1',
      later.sg_event_id,
    )
    expect(row).toEqual({ status: 'processed', misunderstood: null })
  })

  const replayAll = async (type: string, status: 'ignored' = 'ignored') => {
    const { events } = await listEvents(service.db, { type, status, misunderstood: true }, { limit: 10 })
    expect(events.length).toBeGreaterThan(0)
    const ids = events.map(({ id }) => id)
    expect(await replayEvents(service.db, ids, by, service.now())).toMatchObject({ left: 0 })
    service.advance(1_000)
    await service.settled()
  }
})
