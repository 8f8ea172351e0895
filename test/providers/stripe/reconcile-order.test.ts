import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pricesOf } from '../../../src/providers/stripe/prices.ts'
import { createStripeApi } from '../../../src/providers/stripe/reconciliation/api.ts'
import { reconcile } from '../../../src/providers/stripe/reconciliation/reconcile.ts'
import { eventsOfLives, lives } from '../../billing/histories.ts'
import { propertyRuns } from '../../property-runs.ts'
import type { Service } from '../../service.ts'
import { type StripeApi, startStripeApi } from './api-server.ts'
import { deliver, domainRows, seedUser, startStripe, stripeEnv } from './deliveries.ts'
import { MONTH, START, type StripeJson } from './events.ts'

let service: Service
let api: StripeApi
beforeAll(async () => {
  // Without Redis: it would remember the round before.
  service = await startStripe({ REDIS_URL: '' })
  api = await startStripeApi()
})
afterAll(() => Promise.all([service.stop(), api.stop()]))

const listOf = (value: string) => value.split(',')
const run = async (apply: boolean) => [await runOn('cus_1', apply), await runOn('cus_2', apply)]
const runOn = (customerId: string, apply: boolean) =>
  reconcile({
    customerId,
    stripe: createStripeApi(api.env),
    pool: service.app.database.upkeep,
    prices: pricesOf({
      STRIPE_PRICE_PRO: listOf(stripeEnv.STRIPE_PRICE_PRO),
      STRIPE_PRICE_TEAMS: listOf(stripeEnv.STRIPE_PRICE_TEAMS),
    }),
    clock: service.now,
    apply: apply ? service.app.jobs.enqueue : undefined,
  })

const SAME = { customers: 1, found: [], failure: undefined }

/** Of either payload generation. */
const namedBy = (object: Record<string, unknown>): string | undefined => {
  const parent = object.parent as { subscription_details?: { subscription?: string } } | null | undefined
  return parent?.subscription_details?.subscription ?? (object.subscription as string | undefined)
}

/**
 * What Stripe has after these events: each subscription as its last event shows it, and the invoices that are paid. One
 * that only invoices name is paused.
 */
const setStripe = (events: StripeJson[]): void => {
  const subscriptions = new Map<string, object>()
  const invoices = new Map<string, object>()
  for (const { type, created, data } of events) {
    const id = String(data.object.id)
    const named = namedBy(data.object)
    if (named !== undefined && !subscriptions.has(named)) {
      subscriptions.set(named, {
        id: named,
        customer: data.object.customer,
        status: 'paused',
        items: { data: [] },
      })
    }
    if (data.object.object === 'subscription') {
      const previous = subscriptions.get(id) as { status?: string } | undefined
      if (previous?.status !== 'canceled')
        subscriptions.set(id, { ...data.object, created: START, ended_at: created })
    } else if (/paid$|succeeded$/.test(type) && !invoices.has(id)) {
      const lines = data.object.lines as { data: object[] }
      invoices.set(id, {
        ...data.object,
        created,
        status: 'paid',
        status_transitions: { paid_at: created },
        lines: { data: lines.data.map((line, n) => ({ ...line, id: `il_${id}_${n}` })) },
      })
    }
  }
  api.subscriptions = [...subscriptions.values()] as StripeApi['subscriptions']
  api.invoices = [...invoices.values()] as StripeApi['invoices']
  // After all of them.
  api.date = new Date((START + 36 * MONTH) * 1_000)
}

test('at whatever point of a history it is applied, the rows end the same, and nothing differs then', async () => {
  const reset = async (named: string | null) => {
    await service.rows('truncate users, subscriptions, invoices, credit_grants, webhook_events cascade')
    for (const user of [1, 2]) await seedUser(service, user)
    await service.rows(
      `update users set stripe_subscription_id = $1, subscription_tier = 'pro', credits_remaining = 320 where id = 2`,
      named,
    )
    for (const user of [1, 2]) api.customers.add(`cus_${user}`)
  }
  const deliverAll = async (events: StripeJson[]) => {
    for (const event of events) await deliver(service, event)
    await service.settled()
  }
  const plan = fc.record({
    named: fc.constantFrom('sub_2_a', 'sub_2_gone', null),
    events: fc
      .tuple(lives, lives)
      .map(([first, second]) => [...eventsOfLives(1, first), ...eventsOfLives(2, second)]),
    /** Of the events, by place: whether it comes only after. */
    late: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ named, events, late }) => {
      setStripe(events)
      await reset(named)
      await deliverAll(events)
      await run(true)
      const expected = await domainRows(service)
      for (const found of await run(false)) expect(found).toMatchObject(SAME)

      await reset(named)
      const isLate = (n: number) => late[n % late.length] === true
      await deliverAll(events.filter((_, n) => !isLate(n)))
      await run(true)
      for (const found of await run(false)) expect(found).toMatchObject(SAME)
      await deliverAll(events.filter((_, n) => isLate(n)))
      await run(true)
      expect(await domainRows(service)).toEqual(expected)
    }),
    { numRuns: propertyRuns(8), interruptAfterTimeLimit: 100_000, markInterruptAsFailure: false },
  )
}, 240_000)
