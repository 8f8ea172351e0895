import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pricesOf } from '../../../src/providers/stripe/prices.ts'
import { createStripeApi } from '../../../src/providers/stripe/reconciliation/api.ts'
import {
  incomparable,
  type Reconciliation,
  reconcile,
  unsettled,
} from '../../../src/providers/stripe/reconciliation/reconcile.ts'
import type { Service } from '../../service.ts'
import { type StripeApi, startStripeApi } from './api-server.ts'
import { deliverInTurn, domainRows, requested, startStripe } from './deliveries.ts'
import {
  eventsOf,
  type InvoiceOptions,
  MONTH,
  OTHER,
  PRO,
  START,
  type SubscriptionOptions,
  TEAMS,
} from './events.ts'

// What the service knows against what a server that speaks Stripe's API has.

const HOUR = 3_600
const DAY = 86_400
/** The month that is running, and the one before. */
const THIS = START
const BEFORE = START - MONTH
const now = () => Math.floor(Date.now() / 1_000)

let service: Service
let api: StripeApi
let user = 0
beforeAll(async () => {
  service = await startStripe()
  api = await startStripeApi()
})
afterAll(() => Promise.all([service.stop(), api.stop()]))
beforeEach(async () => {
  await service.rows(
    'truncate users, subscriptions, invoices, credit_grants, webhook_deliveries, webhook_queue, webhook_events cascade',
  )
  user++
})
afterEach(() => {
  Object.assign(api, { subscriptions: [], invoices: [], fault: () => undefined, date: undefined })
  api.customers.clear()
})

const seed = (row: Record<string, unknown> = {}, id = user) => {
  const columns = { id, email: `user${id}@example.com`, stripe_customer_id: `cus_${id}`, ...row }
  return service.rows(
    `insert into users (${Object.keys(columns)}) values (${Object.keys(columns).map((_, n) => `$${n + 1}`)})`,
    ...Object.values(columns),
  )
}
const subscriptionAtStripe = (options: SubscriptionOptions = {}, fields: object = {}, id = user) => {
  const { object } = eventsOf(id).subscription('updated', options).data
  api.subscriptions.push({ ...object, id: String(object.id), created: BEFORE, start_date: BEFORE, ...fields })
}
const invoiceAtStripe = (options: InvoiceOptions = {}, id = user) => {
  const { object, created } = { ...eventsOf(id).invoice('paid', options).data, created: options.at ?? THIS }
  const lines = object.lines as { data: object[] }
  api.invoices.push({
    ...object,
    id: String(object.id),
    created,
    status: 'paid',
    status_transitions: { paid_at: created },
    lines: { data: lines.data.map((line, n) => ({ ...line, id: `il_${id}_${n}` })) },
  })
}

const run = (apply: boolean, customerId?: string): Promise<Reconciliation> =>
  reconcile({
    stripe: createStripeApi(api.env),
    pool: service.app.database.upkeep,
    prices: pricesOf({ STRIPE_PRICE_PRO: [PRO], STRIPE_PRICE_TEAMS: [TEAMS] }),
    clock: service.now,
    apply: apply ? service.app.jobs.enqueue : undefined,
    customerId,
  })
const compared = (customerId?: string) => run(false, customerId)
const applied = (customerId?: string) => run(true, customerId)
const row = async (id = user) => (await service.rows('select * from users where id = $1', id))[0]
const jobsOf = async (id = user) => {
  const all = await Promise.all((['email', 'push', 'slack'] as const).map((one) => requested(service, one)))
  return all
    .flat()
    .filter(({ key }) => key.endsWith(`sub_${id}`))
    .map(({ key }) => key)
}
const differencesOf = ({ found }: Reconciliation) =>
  found.flatMap((one) =>
    one.outcome === 'differs' ? one.differences.map((each) => [each.what, each.here, each.stripe]) : [],
  )

/** Compares, sees that nothing is changed by that, applies, and compares again: then nothing differs. */
const repaired = async () => {
  const before = await domainRows(service)
  const found = await compared()
  expect(found.failure).toBeUndefined()
  expect(unsettled(found)).toBe(1)
  expect(await domainRows(service)).toEqual(before)
  const result = await applied()
  expect(result.found.map(({ outcome }) => outcome)).toEqual(['differs'])
  expect(unsettled(result)).toBe(0)
  expect(await compared()).toMatchObject({ customers: expect.any(Number), found: [], failure: undefined })
  return differencesOf(found)
}

/** A subscription that the service knows since last month, with 40 of 500 credits spent. */
const known = async () => {
  const { subscription, invoice } = eventsOf(user)
  await seed()
  await deliverInTurn(
    service,
    subscription('created', { period: BEFORE, at: BEFORE }),
    invoice('paid', { period: BEFORE, at: BEFORE + 1, reason: 'subscription_create' }),
  )
  await service.rows('update users set credits_remaining = credits_remaining - 40')
  invoiceAtStripe({ period: BEFORE, at: BEFORE + 1, reason: 'subscription_create' })
  expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 460 })
}

describe('a lost event', () => {
  test('where nothing was lost, nothing differs', async () => {
    await known()
    subscriptionAtStripe({ period: BEFORE })
    expect(await compared()).toMatchObject({ customers: 1, found: [], unknownPrices: [], failure: undefined })
    const before = await row()
    expect((await applied()).found).toEqual([])
    expect(await row()).toEqual(before)
  })

  test('a lost end takes tier and credits', async () => {
    await known()
    subscriptionAtStripe({ status: 'canceled', period: BEFORE }, { ended_at: now() - 2 * DAY })
    expect(await repaired()).toEqual(
      expect.arrayContaining([
        ['tier', 'pro', 'free'],
        ['status', 'active', 'canceled'],
        ['credits', '460', '0'],
      ]),
    )
    expect(await row()).toMatchObject({ subscription_tier: 'free', credits_remaining: 0 })
  })

  test('a lost renewal opens its period', async () => {
    await known()
    subscriptionAtStripe({ period: THIS })
    invoiceAtStripe({ period: THIS, at: THIS + HOUR })
    const differences = await repaired()
    expect(differences).toContainEqual(['credits', '460', '500'])
    expect(differences).toContainEqual([`period sub_${user}:${THIS}:pro`, null, '500 credits'])
    expect(await row()).toMatchObject({
      credits_remaining: 500,
      current_period_end: new Date((THIS + MONTH) * 1_000),
    })
  })

  test('all events of a user', async () => {
    await seed()
    subscriptionAtStripe({ period: THIS, price: TEAMS })
    invoiceAtStripe({ period: THIS, at: THIS + 1, price: TEAMS, reason: 'subscription_create' })
    await repaired()
    expect(await row()).toMatchObject({
      subscription_tier: 'teams',
      subscription_status: 'active',
      stripe_subscription_id: `sub_${user}`,
      credits_remaining: 2_000,
    })
  })

  test('that comes after all changes nothing more', async () => {
    await known()
    subscriptionAtStripe({ period: THIS })
    invoiceAtStripe({ period: THIS, at: THIS + HOUR })
    await applied()
    const before = await row()
    const { subscription, invoice } = eventsOf(user)
    await deliverInTurn(
      service,
      invoice('paid', { period: THIS, at: THIS + HOUR }),
      subscription('updated', { period: THIS, at: THIS + HOUR, changed: { status: 'active' } }),
    )
    expect(await row()).toEqual(before)
    expect((await compared()).found).toEqual([])
  })

  test('an event after the answer counts, and one before it does not', async () => {
    await known()
    api.date = new Date((THIS + 10 * DAY) * 1_000)
    subscriptionAtStripe({ period: BEFORE, status: 'unpaid' })
    await applied()
    expect(await row()).toMatchObject({ subscription_tier: 'free', subscription_status: 'unpaid' })
    const { subscription } = eventsOf(user)
    await deliverInTurn(
      service,
      subscription('updated', { period: BEFORE, status: 'past_due', at: THIS + 9 * DAY }),
    )
    expect(await row()).toMatchObject({ subscription_tier: 'free', subscription_status: 'unpaid' })
    // In one second the event is the later one.
    await deliverInTurn(
      service,
      subscription('updated', {
        period: BEFORE,
        status: 'past_due',
        changed: { status: 'unpaid' },
        at: THIS + 10 * DAY,
      }),
    )
    expect(await row()).toMatchObject({ subscription_tier: 'pro', subscription_status: 'past_due' })
  })
})

describe('a user from before', () => {
  const fromBefore = { subscription_tier: 'pro', credits_remaining: 320 }

  test('whose row names the subscription keeps tier and credits', async () => {
    await seed({ ...fromBefore, stripe_subscription_id: `sub_${user}` })
    subscriptionAtStripe({ period: THIS })
    invoiceAtStripe({ period: THIS, at: THIS + 1 })
    expect(await repaired()).toContainEqual(['status', null, 'active'])
    expect(await row()).toMatchObject({
      ...fromBefore,
      stripe_subscription_id: `sub_${user}`,
      subscription_status: 'active',
    })
    expect(await jobsOf()).toEqual([])
  })

  test('whose row names none keeps tier and credits, and is not welcomed later', async () => {
    await seed(fromBefore)
    subscriptionAtStripe({ period: THIS })
    invoiceAtStripe({ period: THIS, at: THIS + 1 })
    await repaired()
    expect(await row()).toMatchObject({ ...fromBefore, stripe_subscription_id: `sub_${user}` })
    await deliverInTurn(
      service,
      eventsOf(user).subscription('updated', { period: THIS, at: now() + 60, cancel: true }),
    )
    expect(await row()).toMatchObject({ ...fromBefore, cancel_at_period_end: true })
    expect(await jobsOf()).toEqual([])
  })

  test.each([null, 'sub_gone'])('of whom Stripe has no subscription (row: %s) has none', async (named) => {
    await seed({ ...fromBefore, stripe_subscription_id: named })
    api.customers.add(`cus_${user}`)
    expect(await repaired()).toEqual(
      expect.arrayContaining([
        ['tier', 'pro', 'free'],
        ['credits', '320', '0'],
      ]),
    )
    expect(await row()).toMatchObject({ subscription_tier: 'free', credits_remaining: 0 })
  })

  test('whose subscription has ended since has none', async () => {
    await seed({ ...fromBefore, stripe_subscription_id: `sub_${user}` })
    subscriptionAtStripe({ status: 'canceled', period: BEFORE }, { ended_at: THIS })
    await repaired()
    expect(await row()).toMatchObject({ subscription_tier: 'free', credits_remaining: 0 })
  })

  test('whose price no tier knows keeps what the row says, and the price is reported', async () => {
    await seed(fromBefore)
    subscriptionAtStripe({ period: THIS, price: OTHER })
    const found = await applied()
    expect(found.unknownPrices).toEqual([OTHER])
    expect(await row()).toMatchObject(fromBefore)
  })

  test('with an unknown status keeps what the row says', async () => {
    await seed(fromBefore)
    subscriptionAtStripe({ period: THIS, status: 'dormant' })
    await applied()
    expect(await row()).toMatchObject(fromBefore)
  })

  test('with an unknown status, once its events came, is not reported as missing at Stripe', async () => {
    await known()
    subscriptionAtStripe({ period: BEFORE, status: 'dormant' })
    expect((await compared()).found).toEqual([])
  })
})

test('a customer id that moved before any event settles both users', async () => {
  const [old, taker] = [user, user + 1_000]
  await seed({
    stripe_customer_id: null,
    subscription_tier: 'pro',
    credits_remaining: 320,
    stripe_subscription_id: `sub_${old}`,
  })
  await seed({}, taker)
  subscriptionAtStripe({ period: THIS, customer: `cus_${taker}` })
  invoiceAtStripe({ period: THIS, at: THIS + 1, customer: `cus_${taker}` })
  const found = await compared()
  const tiers = found.found.flatMap((one) =>
    one.outcome === 'differs'
      ? one.differences
          .filter(({ what }) => what === 'tier')
          .map(({ userId, here, stripe }) => [userId, here, stripe])
      : [],
  )
  expect(tiers.sort()).toEqual(
    [
      [String(taker), 'free', 'pro'],
      [String(old), 'pro', 'free'],
    ].sort(),
  )
  expect(found).toMatchObject({ usersWithoutCustomer: [], found: [{ userId: String(taker) }] })
  expect(unsettled(await applied())).toBe(0)
  expect(await row(old)).toMatchObject({ subscription_tier: 'free', credits_remaining: 0 })
  expect(await row(taker)).toMatchObject({ subscription_tier: 'pro', credits_remaining: 320 })
  expect(await compared()).toMatchObject({ found: [], usersWithoutCustomer: [] })
})

describe('tells', () => {
  test('of an end that is younger than a day', async () => {
    await known()
    subscriptionAtStripe({ status: 'canceled', period: BEFORE }, { ended_at: now() - 23 * HOUR })
    expect((await compared()).found).toHaveLength(1)
    expect(await jobsOf()).not.toContain(`stripe:ended:sub_${user}`)
    await applied()
    expect(await jobsOf()).toContain(`stripe:ended:sub_${user}`)
  })

  test('not of an older one, nor when its event comes late', async () => {
    await known()
    subscriptionAtStripe({ status: 'canceled', period: BEFORE }, { ended_at: now() - 25 * HOUR })
    await applied()
    await deliverInTurn(
      service,
      eventsOf(user).subscription('deleted', { period: BEFORE, at: now() - 25 * HOUR }),
    )
    expect(await jobsOf()).not.toContain(`stripe:ended:sub_${user}`)
    expect(
      await service.rows('select key from silenced_notifications where key = $1', `stripe:ended:sub_${user}`),
    ).toHaveLength(1)
  })

  test('customers whose access began within a day, and no others, that they are welcome', async () => {
    await seed()
    subscriptionAtStripe(
      { period: now() - 2 * HOUR },
      { created: now() - 2 * HOUR, start_date: now() - 2 * HOUR },
    )
    await applied()
    expect(await jobsOf()).toEqual([`stripe:welcome:sub_${user}`])
    await seed({}, ++user)
    subscriptionAtStripe({ period: THIS })
    await applied()
    expect(await jobsOf()).toEqual([])
  })
})

describe('reports', () => {
  test('customers with access but without a user here', async () => {
    subscriptionAtStripe({}, {}, 9_001)
    subscriptionAtStripe({ status: 'canceled' }, {}, 9_002)
    subscriptionAtStripe({ status: 'incomplete' }, {}, 9_003)
    for (const found of [await compared(), await applied()]) {
      expect(found.found).toEqual([
        expect.objectContaining({
          customerId: 'cus_9001',
          outcome: 'no user',
          subscriptions: [{ id: 'sub_9001', status: 'active' }],
        }),
      ])
      expect(unsettled(found)).toBe(1)
    }
  })

  test('customers that Stripe does not know, without ending their subscriptions', async () => {
    await seed({ subscription_tier: 'pro', credits_remaining: 320 })
    const found = await applied()
    expect(found.found).toEqual([expect.objectContaining({ outcome: 'not at Stripe' })])
    expect(incomparable(found)).toBe(1)
    expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 320 })
  })

  test('users with a paid tier whom no customer id names', async () => {
    await seed({ stripe_customer_id: null, subscription_tier: 'teams' })
    expect((await compared()).usersWithoutCustomer).toEqual([String(user)])
    // But a subscription can name the user as well.
    await service.rows('insert into subscriptions (id, user_id) values ($1, $2)', `sub_${user}`, user)
    subscriptionAtStripe({ price: TEAMS })
    const found = await compared()
    expect(found.usersWithoutCustomer).toEqual([])
    expect(found.found).toMatchObject([{ outcome: 'differs', userId: String(user) }])
  })

  test('a subscription with access here of which Stripe has nothing', async () => {
    await known()
    api.invoices = []
    api.customers.add(`cus_${user}`)
    const found = await applied()
    expect(differencesOf(found)).toContainEqual([`subscription sub_${user}`, 'active', null])
    expect(unsettled(found)).toBe(1)
  })
})

describe('however much there is', () => {
  test('customers, invoices and lines are read to the last page', async () => {
    await seed()
    subscriptionAtStripe({ period: THIS })
    const prorations = Array.from({ length: 110 }, () => ({
      start: BEFORE,
      end: THIS,
      amount: 1,
      proration: true,
    }))
    invoiceAtStripe({
      period: THIS,
      at: THIS + 1,
      reason: 'subscription_cycle',
      lines: [...prorations, { price: PRO, start: THIS, end: THIS + MONTH }],
    })
    for (let n = 1; n <= 105; n++) {
      const period = THIS - n * MONTH
      invoiceAtStripe({ period, at: period + 1 })
    }
    for (let n = 0; n < 120; n++) subscriptionAtStripe({}, {}, 20_000 + n)
    const found = await applied()
    expect(found).toMatchObject({ customers: 121, failure: undefined })
    expect(await row()).toMatchObject({ credits_remaining: 500 })
    expect(await service.rows('select from credit_grants')).toHaveLength(106)
    expect(await service.rows('select from invoices')).toHaveLength(106)
  })

  test('what was applied before Stripe failed stays, and a repeat goes on', async () => {
    const ids = [1, 2, 3, 4, 5, 6].map((n) => 30_000 + n)
    for (const id of ids) {
      await seed({ subscription_tier: 'pro', credits_remaining: 320 }, id)
      subscriptionAtStripe({ status: 'canceled', period: BEFORE }, { ended_at: THIS }, id)
    }
    api.fault = ({ query }) => (query.get('customer') === 'cus_30005' ? { status: 500 } : undefined)
    const broken = await applied()
    expect(String(broken.failure)).toContain('Answered 500')
    const tiers = () => service.rows('select id::int, subscription_tier as tier from users order by id')
    const done = (await tiers()).filter(({ tier }) => tier === 'free').length
    expect(done).toBeGreaterThan(0)
    expect(await row(30_005)).toMatchObject({ subscription_tier: 'pro' })
    api.fault = ({ number }) =>
      number % 5 === 0 ? { status: 429, headers: { 'retry-after': '0' } } : undefined
    const repeated = await applied()
    expect(repeated).toMatchObject({ failure: undefined, customers: ids.length - done })
    expect(await tiers()).toEqual(ids.map((id) => ({ id, tier: 'free' })))
  })

  test('one customer is compared without looking at the others', async () => {
    await known()
    subscriptionAtStripe({ status: 'canceled', period: BEFORE }, { ended_at: THIS })
    const other = ++user
    await seed({ subscription_tier: 'pro', credits_remaining: 320 }, other)
    api.customers.add(`cus_${other}`)
    expect(await applied(`cus_${other - 1}`)).toMatchObject({
      customers: 1,
      found: [{ customerId: `cus_${other - 1}` }],
    })
    expect(await row(other)).toMatchObject({ subscription_tier: 'pro' })
    expect(await row(other - 1)).toMatchObject({ subscription_tier: 'free' })
  })
})
