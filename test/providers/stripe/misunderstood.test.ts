import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Operator, replayMatching } from '../../../src/operations/replay.ts'
import type { Service } from '../../service.ts'
import { deliver, deliverInTurn, requested, seedUser, startStripe } from './deliveries.ts'
import { eventsOf, MONTH, START } from './events.ts'

// What Stripe sends and no rule understands (promise 8): it is kept, reported, and handled once it is understood.

let service: Service
beforeAll(async () => {
  service = await startStripe()
})
afterAll(() => service.stop())

const by: Operator = { operator: 'kim', via: 'command line', reason: 'it is understood now' }
const replayAll = async (of: Service, type: string) => {
  const now = of.now()
  const { replayed } = await replayMatching(of.db, { type, misunderstood: true }, by, { now, most: 100 })
  of.advance(1_000)
  await of.settled()
  return replayed
}
const rowOf = async (of: Service, eventId: string) =>
  (
    await of.rows('select status, last_error, misunderstood from webhook_events where event_id = $1', eventId)
  )[0]
const userOf = async (of: Service, id: number) =>
  (
    await of.rows(
      'select subscription_tier as tier, credits_remaining as credits from users where id = $1',
      id,
    )
  )[0]

test('a paid price that no tier knows: reported once a day, and granted by a replay once the price is listed', async () => {
  await seedUser(service, 1)
  const { subscription, invoice } = eventsOf(1)
  const price = 'price_of_next_year'
  const paid = invoice('paid', { price, reason: 'subscription_create' })
  await deliverInTurn(service, subscription('created', { price }), paid)
  const renewed = invoice('paid', { price, period: START + MONTH })
  await deliverInTurn(service, renewed)
  expect(await userOf(service, 1)).toEqual({ tier: 'free', credits: 0 })
  for (const { id } of [paid, renewed]) {
    expect(await rowOf(service, id)).toMatchObject({ misunderstood: expect.stringContaining(price) })
  }
  const alerts = async () =>
    (await requested(service, 'slack')).filter(({ data }) => String(data.text).includes(price))
  expect((await alerts()).map(({ data }) => data.channel)).toEqual(['billing'])

  // A day later it is said again.
  service.advance(86_400_000)
  await deliverInTurn(service, invoice('paid', { price, period: START + 2 * MONTH }))
  expect(await alerts()).toHaveLength(2)

  const next = await startStripe({
    DATABASE_URL: service.databaseUrl,
    STRIPE_PRICE_PRO: `price_pro,${price}`,
  })
  try {
    next.advance(86_400_000)
    expect(await replayAll(next, 'invoice.paid')).toBe(3)
    expect(await userOf(next, 1)).toEqual({ tier: 'pro', credits: 500 })
    expect(await rowOf(next, renewed.id)).toEqual({
      status: 'processed',
      last_error: null,
      misunderstood: null,
    })
    // Another replay finds nothing, and grants nothing.
    expect(await replayAll(next, 'invoice.paid')).toBe(0)
    expect(await userOf(next, 1)).toEqual({ tier: 'pro', credits: 500 })
  } finally {
    await next.stop()
  }
})

describe.each([
  [
    'a renewal that names no subscription',
    () => eventsOf(2).invoice('paid', { subscription: null, reason: 'subscription_cycle' }),
  ],
  [
    'a first payment that fails and names no subscription',
    () => eventsOf(2).invoice('payment_failed', { subscription: null, reason: 'subscription_create' }),
  ],
  ['an invoice without a customer', () => eventsOf(2).invoice('paid', { customer: null })],
  ['a subscription without a customer', () => eventsOf(2).subscription('updated', { customer: null })],
  ['an invoice without an id', () => eventsOf(2).invoice('paid', { id: '' })],
  ['a subscription without an id', () => eventsOf(2).subscription('deleted', { id: '' })],
  ['an unknown status', () => eventsOf(2).subscription('updated', { status: 'hibernating' })],
])('%s', (_, make) => {
  test('is skipped with the reason, reported, and skipped again by a replay', async () => {
    if ((await userOf(service, 2)) === undefined) await seedUser(service, 2)
    const event = make()
    await deliver(service, event)
    await service.settled()
    const skipped = {
      status: 'skipped',
      last_error: expect.stringMatching(/./),
      misunderstood: expect.stringMatching(/./),
    }
    expect(await rowOf(service, event.id)).toEqual(skipped)
    expect(service.logs.some((line) => line.eventId === event.id && line.level === 40)).toBe(true)
    expect(await replayAll(service, event.type)).toBeGreaterThan(0)
    expect(await rowOf(service, event.id)).toEqual(skipped)
    expect(await userOf(service, 2)).toEqual({ tier: 'free', credits: 0 })
  })
})
