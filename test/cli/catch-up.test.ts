import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { showEvent } from '../../src/operations/events.ts'
import { createStripeApi } from '../../src/providers/stripe/reconciliation/api.ts'
import { catchUp } from '../../src/providers/stripe/reconciliation/catch-up.ts'
import { asService } from '../database.ts'
import { type StripeApi, startStripeApi } from '../providers/stripe/api-server.ts'
import { deliver, deliverInTurn, requested, seedUser, startStripe } from '../providers/stripe/deliveries.ts'
import { eventsOf } from '../providers/stripe/events.ts'
import type { Service } from '../service.ts'
import { webhooks } from './run.ts'

// Against a running service and a server that speaks Stripe's API: by the command as a process, or by what it calls.

const NOW = Math.floor(Date.now() / 1_000)
const HOUR = 3_600
const DAY = 86_400

vi.setConfig({ testTimeout: 120_000 }) // a process takes its time to start on a busy machine

let service: Service
let api: StripeApi
let env: Record<string, string>
let pool: pg.Pool
let user = 0
beforeAll(async () => {
  service = await startStripe()
  api = await startStripeApi()
  env = { DATABASE_URL: asService(service.databaseUrl), ...api.env }
  pool = new pg.Pool({ connectionString: env.DATABASE_URL })
})
afterAll(async () => {
  await pool.end()
  await Promise.all([service.stop(), api.stop()])
})
beforeEach(async () => {
  await service.rows('truncate webhook_deliveries, webhook_queue, webhook_events cascade')
  await seedUser(service, ++user)
})
afterEach(() => {
  Object.assign(api, { events: [], fault: () => undefined })
  api.requests.length = 0
})

const run = (...args: string[]) => webhooks(['stripe', 'catch-up', ...args], env)
const command = async (...args: string[]) => {
  const ended = await run(...args, '--json')
  expect(ended).toMatchObject({ code: 0 })
  await service.settled()
  return JSON.parse(ended.stdout)
}
const since = async (time: number) => {
  const options = { clock: service.now, progress: () => {} }
  const ended = await catchUp(createStripeApi(api.env), pool, new Date(time * 1_000), options)
  await service.settled()
  return ended
}
const inbox = () =>
  service.rows('select event_id, event_type, source, status from webhook_events order by occurred_at, id')
const row = async () => (await service.rows('select * from users where id = $1', user))[0]

/** A subscription that begins, and many events about it that change nothing more. */
const manyEvents = (count: number) => {
  const { subscription } = eventsOf(user)
  const at = (n: number) => NOW - 5 * DAY + n
  return [
    subscription('created', { at: at(0), period: at(0) }),
    ...Array.from({ length: count - 1 }, (_, n) => subscription('updated', { at: at(n + 1), period: at(0) })),
  ]
}

test('fetches every page, through a rate limit, and leaves known events alone', async () => {
  const events = manyEvents(230)
  api.events = [...events, { ...eventsOf(user).invoice('paid', { at: NOW - DAY }), type: 'invoice.created' }]
  await deliverInTurn(service, events[0], events[117])
  api.fault = ({ number }) => (number === 2 ? { status: 429, headers: { 'retry-after': '0' } } : undefined)
  expect(await command('--since', '10d')).toMatchObject({ listed: 230, accepted: 228, known: 2 })
  expect(api.requests).toHaveLength(4)
  const rows = await inbox()
  expect(rows.map(({ event_id }) => event_id).sort()).toEqual(events.map(({ id }) => id).sort())
  expect(rows.every(({ status }) => status === 'processed')).toBe(true)
  expect(rows.filter(({ source }) => source === 'delivery').map(({ event_id }) => event_id)).toEqual([
    events[0]?.id,
    events[117]?.id,
  ])
  expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 500 })
  expect(await command('--since', '10d')).toMatchObject({ listed: 230, accepted: 0, known: 230 })
  expect(await inbox()).toEqual(rows)
})

test('what it fetched before Stripe failed stays, and a repeat continues from there', async () => {
  api.events = manyEvents(150)
  api.fault = ({ query }) => (query.has('starting_after') ? { status: 500 } : undefined)
  const failed = await run('--since', '10d')
  expect(failed.code).toBe(1)
  expect(failed.stderr).toContain('100 events were accepted before that')
  expect(await inbox()).toHaveLength(100)
  api.fault = () => undefined
  expect(await command('--since', '10d')).toMatchObject({ listed: 150, accepted: 50 })
  expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 500 })
})

test('takes only what is as young as asked, by hours or a time', async () => {
  const { subscription } = eventsOf(user)
  api.events = [9, 7, 5, 3].map((days) => subscription('updated', { at: NOW - days * DAY }))
  expect(await command('--since', '96h')).toMatchObject({ listed: 1, accepted: 1 })
  const time = new Date((NOW - 8 * DAY) * 1_000).toISOString()
  expect(await command('--since', time)).toMatchObject({ since: time, listed: 3, accepted: 2 })
})

test('an event that is delivered at the same time is applied once', async () => {
  const events = manyEvents(40)
  api.events = events
  const [ended] = await Promise.all([
    since(NOW - 10 * DAY),
    ...events.map((event) => deliver(service, event)),
  ])
  await service.settled()
  expect(ended.listed).toBe(40)
  expect(await inbox()).toHaveLength(40)
  expect(await row()).toMatchObject({ credits_remaining: 500 })
})

describe('no notification is sent for an event older than a day', () => {
  const failure = (age: number, id: string) =>
    eventsOf(user).invoice('payment_failed', {
      id,
      at: NOW - age,
      period: NOW - 9 * DAY,
      nextAttempt: NOW + DAY,
    })
  const keysFor = async (id: string) =>
    [...(await requested(service, 'email')), ...(await requested(service, 'push'))].filter(({ key }) =>
      key.includes(id),
    )

  test('but one is for a younger event', async () => {
    const { subscription } = eventsOf(user)
    const [old, young] = [`in_old_${user}`, `in_young_${user}`]
    const begin = subscription('created', { at: NOW - 9 * DAY, period: NOW - 9 * DAY })
    api.events = [begin, failure(2 * DAY, old), failure(23 * HOUR, young)]
    await since(NOW - 10 * DAY)
    expect(await keysFor(old)).toEqual([])
    expect(await keysFor(young)).toHaveLength(2)
    expect((await requested(service, 'email')).filter(({ key }) => key.includes(`sub_${user}`))).toEqual([])

    // It counts as requested: another event about the same attempt asks for the same.
    await deliverInTurn(service, failure(2 * DAY, old))
    expect(await keysFor(old)).toEqual([])
  })

  test('and the event shows that it was left out', async () => {
    const { subscription } = eventsOf(user)
    const begin = subscription('created', { at: NOW - 9 * DAY, period: NOW - 9 * DAY })
    api.events = [begin]
    await since(NOW - 10 * DAY)
    const [event] = await service.rows('select id from webhook_events')
    expect(await showEvent(pool, String(event?.id))).toMatchObject({
      source: 'catch-up',
      status: 'processed',
      notifications: [{ channel: 'email', state: 'silenced' }],
    })
  })

  test('an old event of test mode is not reported, and keeps no fresh one from it', async () => {
    const reports = async () =>
      (await requested(service, 'slack')).filter(({ key }) => key.startsWith('stripe:test-mode:')).length
    const { subscription } = eventsOf(user)
    const old = subscription('created', { at: NOW - 9 * DAY, period: NOW - 9 * DAY })
    api.events = [{ ...old, livemode: false }]
    await since(NOW - 10 * DAY)
    expect(await inbox()).toMatchObject([{ status: 'processed', source: 'catch-up' }])
    expect(await reports()).toBe(0)
    const fresh = subscription('updated', { at: NOW, period: NOW - 9 * DAY })
    await deliverInTurn(service, { ...fresh, livemode: false })
    expect(await reports()).toBe(1)
  })

  test('while a delivery of the same age does notify', async () => {
    const { subscription } = eventsOf(user)
    await deliverInTurn(service, subscription('created', { at: NOW - 2 * DAY, period: NOW - 2 * DAY }))
    expect((await requested(service, 'email')).some(({ key }) => key.includes(`sub_${user}`))).toBe(true)
  })
})

describe('refuses', () => {
  test.each([
    ['no key', { STRIPE_API_KEY: '' }, ['--since', '1d'], 2, /STRIPE_API_KEY: is required/],
    [
      'a key of another kind',
      { STRIPE_API_KEY: 'pk_live_0123456789' },
      ['--since', '1d'],
      2,
      /STRIPE_API_KEY/,
    ],
    ['no time', {}, [], 2, /--since/],
    ['what is no time', {}, ['--since', 'yesterday'], 2, /Expected a time/],
    ['more than Stripe keeps', {}, ['--since', '31d'], 2, /30 days.*reconcile/],
    ['the future', {}, ['--since', '2100-01-01'], 2, /in the past/],
    [
      'a key that Stripe refuses',
      { STRIPE_API_KEY: 'rk_test_wrong0123456789' },
      ['--since', '1d'],
      1,
      /Invalid/,
    ],
    [
      'an address where nothing listens',
      { STRIPE_API_URL: 'http://127.0.0.1:9' },
      ['--since', '1d'],
      1,
      /connection/,
    ],
  ])('%s', async (_, other, args, code, said) => {
    const ended = await webhooks(['stripe', 'catch-up', ...args], { ...env, ...other })
    expect(ended).toMatchObject({ code, stderr: expect.stringMatching(said) })
    for (const key of [api.key, 'pk_live_0123456789', 'rk_test_wrong0123456789'])
      expect(ended.stdout + ended.stderr).not.toContain(key)
    expect(await inbox()).toEqual([])
  })
})
