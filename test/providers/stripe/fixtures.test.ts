import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { deliver, deliverInTurn, domainRows, requested, startStripe } from './deliveries.ts'
import { GENERATIONS, type Generation } from './events.ts'

// Stripe's own sample objects, and events as Stripe's current API version writes them. Each is posted as it is and as
// it was written before 2025-03-31, and leaves the same rows.

const FOLDER = 'test/fixtures/stripe'
const PRO = 'price_1TestPro000000000000000'
/** The price of Stripe's own subscription. */
const OFFICIAL = 'price_1PgafmB7WZ01zgkW6dKueIc5'
const SUBSCRIPTION = 'sub_1TestSub00000000000000'
const [PERIOD, NEXT_PERIOD, AFTER_NEXT] = [1_793_491_200, 1_796_083_200, 1_798_675_200]
const at = (seconds: number) => new Date(seconds * 1_000)

interface Json {
  [field: string]: unknown
}
const readFixture = (name: string): Json => JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8'))

/** An event about one of the objects that come without one. */
const about = (type: string, object: Json): Json => ({
  id: `evt_${type}`,
  object: 'event',
  api_version: '2026-10-28.endive',
  created: 1_796_000_000,
  data: { object },
  livemode: false,
  type,
})

const listOf = (page: unknown) => (page as { data: Json[] }).data

/** The same as it was written before the fields moved. */
const inGeneration = (event: Json, generation: Generation): Json => {
  if (generation === 'new' || event.data === undefined) return event
  const { object, previous_attributes } = structuredClone(event.data) as {
    object: Json
    previous_attributes?: Json
  }
  if (object.object === 'subscription') {
    const [item] = listOf(object.items)
    object.current_period_start = item?.current_period_start
    object.current_period_end = item?.current_period_end
    for (const one of [...listOf(object.items), ...listOf(previous_attributes?.items ?? { data: [] })]) {
      delete one.current_period_start
      delete one.current_period_end
    }
  }
  if (object.object === 'invoice') {
    const parent = object.parent as { subscription_details: Json }
    object.subscription = parent.subscription_details.subscription
    object.subscription_details = { metadata: {} }
    delete object.parent
    for (const line of listOf(object.lines)) {
      const details = (line.parent as { subscription_item_details: Json }).subscription_item_details
      const { price_details } = line.pricing as { price_details?: Json }
      line.proration = details.proration
      line.price = price_details === undefined ? null : { id: price_details.price, object: 'price' }
      line.plan = null
      line.type = 'subscription'
      delete line.parent
      delete line.pricing
    }
  }
  return {
    ...event,
    api_version: '2024-06-20',
    data: { object, ...(previous_attributes && { previous_attributes }) },
  }
}

const seedCustomers = (on: Service) =>
  on.rows(
    `insert into users (id, email, stripe_customer_id)
     values (1, 'a@example.com', 'cus_TestCustomer01'), (2, 'b@example.com', 'cus_QXg1o8vcGmoR32')`,
  )

let service: Service
beforeAll(async () => {
  service = await startStripe({ REDIS_URL: '', STRIPE_PRICE_PRO: PRO, STRIPE_PRICE_TEAMS: OFFICIAL })
})
afterAll(() => service.stop())
beforeEach(async () => {
  await service.rows(
    'truncate users, subscriptions, invoices, credit_grants, webhook_deliveries, webhook_queue, webhook_events cascade',
  )
  await service.rows('delete from pgboss.job')
  await seedCustomers(service)
})

const untouched = { subscription_tier: 'free', subscription_status: null, credits_remaining: 0 }
const nothing = { users: [untouched, untouched], subscriptions: [], invoices: [], grants: [] }
const active = {
  stripe_subscription_id: SUBSCRIPTION,
  subscription_tier: 'pro',
  subscription_status: 'active',
  current_period_end: at(NEXT_PERIOD),
  cancel_at_period_end: false,
}
const subscription = (fields: object) => ({ id: SUBSCRIPTION, user_id: '1', price_id: PRO, ...fields })
const grant = (start: number) => ({
  user_id: '1',
  grant_key: `${SUBSCRIPTION}:${start}:pro`,
  subscription_id: SUBSCRIPTION,
  period_start: at(start),
  credits: 500,
})
const firstPaid = {
  users: [{ ...active, credits_remaining: 500 }, untouched],
  subscriptions: [subscription({ status: 'active', current_period_end: at(NEXT_PERIOD) })],
  invoices: [{ id: 'in_1TestInv000000000000001', paid_at: at(PERIOD + 3), failed_at: null }],
  grants: [{ ...grant(PERIOD), granted_at: at(PERIOD + 3) }],
}
const official = {
  id: 'sub_1Pgc6rB7WZ01zgkWNy0Cn5nw',
  user_id: '2',
  price_id: OFFICIAL,
  current_period_end: at(976_287_773),
}
const officialGrant = { user_id: '2', grant_key: `${official.id}:1896570518:teams`, credits: 2_000 }
const officialUser = {
  stripe_subscription_id: official.id,
  current_period_end: official.current_period_end,
  cancel_at_period_end: true,
}

/** The events a file is posted as, the rows each leaves, and the e-mails it asks for. */
const expectations: Record<
  string,
  { event: (json: Json) => Json; rows: object; status?: string; mails?: string[] }[]
> = {
  'composed-customer': [
    { event: (json) => about('customer.created', json), rows: nothing, status: 'ignored' },
  ],
  'composed-customer.subscription.created': [
    {
      event: (json) => json,
      rows: {
        ...nothing,
        users: [
          { ...active, subscription_tier: 'free', subscription_status: 'incomplete', credits_remaining: 0 },
          untouched,
        ],
        subscriptions: [
          subscription({
            status: 'incomplete',
            current_period_end: at(NEXT_PERIOD),
            last_event_at: at(PERIOD + 1),
          }),
        ],
      },
    },
  ],
  // From a price that is unknown here: no upgrade.
  'composed-customer.subscription.updated.plan_change': [
    {
      event: (json) => json,
      rows: {
        ...nothing,
        users: [{ ...active, credits_remaining: 0 }, untouched],
        subscriptions: [subscription({ status: 'active', last_event_at: at(1_794_355_200) })],
      },
      mails: ['welcome'],
    },
  ],
  'composed-customer.subscription.deleted': [
    {
      event: (json) => json,
      rows: {
        ...nothing,
        users: [
          { ...active, subscription_tier: 'free', subscription_status: 'canceled', credits_remaining: 0 },
          untouched,
        ],
        subscriptions: [subscription({ status: 'canceled', last_event_at: at(NEXT_PERIOD + 5) })],
      },
      // It never gave access here.
    },
  ],
  'composed-invoice.paid.subscription_create': [
    { event: (json) => json, rows: firstPaid, mails: ['welcome'] },
  ],
  'composed-invoice.payment_succeeded.subscription_create': [
    { event: (json) => json, rows: firstPaid, mails: ['welcome'] },
  ],
  'composed-invoice.payment_succeeded.subscription_cycle': [
    {
      event: (json) => json,
      rows: {
        users: [{ ...active, current_period_end: at(AFTER_NEXT), credits_remaining: 500 }, untouched],
        subscriptions: [subscription({ status: 'active', current_period_end: at(AFTER_NEXT) })],
        invoices: [
          {
            id: 'in_1TestInv000000000000002',
            subscription_id: SUBSCRIPTION,
            paid_at: at(NEXT_PERIOD + 3_605),
          },
        ],
        grants: [grant(NEXT_PERIOD)],
      },
      mails: ['welcome'],
    },
  ],
  'composed-invoice.payment_failed.subscription_cycle': [
    {
      event: (json) => json,
      rows: {
        ...nothing,
        invoices: [
          {
            id: 'in_1TestInv000000000000002',
            subscription_id: SUBSCRIPTION,
            paid_at: null,
            failed_at: at(NEXT_PERIOD + 3_605),
          },
        ],
        // Nothing says how it stands.
        subscriptions: [subscription({ status: null, price_id: null })],
      },
      mails: ['payment-failed'],
    },
  ],
  'official-event': [{ event: (json) => json, rows: nothing, status: 'ignored' }],
  'official-invoice': [
    // A manual one, all prorations: a paid invoice and nothing else.
    {
      event: (json) => about('invoice.paid', json),
      rows: {
        ...nothing,
        subscriptions: [{ id: 'subscription', user_id: '2', status: null, price_id: null }],
        invoices: [
          { id: 'in_1Pgc6tB7WZ01zgkWu9fdqL6I', subscription_id: 'subscription', paid_at: at(1_796_000_000) },
        ],
      },
    },
    {
      event: (json) => about('invoice.payment_failed', json),
      rows: {
        ...nothing,
        invoices: [{ id: 'in_1Pgc6tB7WZ01zgkWu9fdqL6I', paid_at: null, failed_at: at(1_796_000_000) }],
        subscriptions: [{ id: 'subscription', status: null }],
      },
      // Made by hand, and the subscription has not begun.
    },
  ],
  'official-subscription': [
    {
      event: (json) => about('customer.subscription.created', json),
      rows: {
        ...nothing,
        users: [
          untouched,
          {
            ...officialUser,
            subscription_tier: 'teams',
            subscription_status: 'active',
            credits_remaining: 2_000,
          },
        ],
        subscriptions: [{ ...official, status: 'active' }],
        grants: [officialGrant],
      },
      mails: ['welcome'],
    },
    {
      event: (json) => about('customer.subscription.updated', json),
      rows: {
        ...nothing,
        users: [
          untouched,
          {
            ...officialUser,
            subscription_tier: 'teams',
            subscription_status: 'active',
            credits_remaining: 0,
          },
        ],
        subscriptions: [{ ...official, status: 'active' }],
      },
      mails: ['welcome'],
    },
    {
      event: (json) => about('customer.subscription.deleted', json),
      rows: {
        ...nothing,
        users: [
          untouched,
          {
            ...officialUser,
            subscription_tier: 'free',
            subscription_status: 'canceled',
            credits_remaining: 0,
          },
        ],
        subscriptions: [{ ...official, status: 'canceled' }],
      },
      // It never gave access here.
    },
  ],
}

const names = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ''))
const mailsRequested = async () => (await requested(service, 'email')).map(({ data }) => data.template)

test('every file is here', () => {
  expect(Object.keys(expectations).sort()).toEqual(names.sort())
})

for (const generation of GENERATIONS) {
  describe(`with the ${generation} payloads`, () => {
    for (const [name, events] of Object.entries(expectations)) {
      for (const { event: eventOf, rows, status = 'processed', mails = [] } of events) {
        const event = inGeneration(eventOf(readFixture(name)), generation)
        test(`${name} as ${String(event.type)}`, async () => {
          expect(await deliver(service, event)).toMatchObject({ status: 200, body: { accepted: 1 } })
          await service.settled()
          expect(await service.rows('select event_type, status, occurred_at from webhook_events')).toEqual([
            { event_type: event.type, status, occurred_at: at(Number(event.created)) },
          ])
          expect(await domainRows(service)).toMatchObject(rows)
          expect(await mailsRequested()).toEqual(mails)
        })
      }
    }

    test('the composed ones together end alike in any order', async () => {
      const events = names
        .filter((name) => name.startsWith('composed-') && name !== 'composed-customer')
        .map((name) => inGeneration(readFixture(name), generation))
      expect(events).toHaveLength(7)
      for (const order of [events, events.toReversed(), events.toSpliced(0, 4).concat(events.slice(0, 4))]) {
        await service.rows(
          'truncate subscriptions, invoices, credit_grants, webhook_deliveries, webhook_queue, webhook_events cascade',
        )
        await service.rows(`update users set stripe_subscription_id = null, credits_remaining = 0`)
        await deliverInTurn(service, ...order, ...order)
        expect(await domainRows(service)).toMatchObject({
          users: [
            {
              stripe_subscription_id: SUBSCRIPTION,
              subscription_tier: 'free',
              subscription_status: 'canceled',
              credits_remaining: 0,
              current_period_end: at(AFTER_NEXT),
            },
            untouched,
          ],
          invoices: [
            { id: 'in_1TestInv000000000000001', paid_at: at(PERIOD + 3), failed_at: null },
            {
              id: 'in_1TestInv000000000000002',
              paid_at: at(NEXT_PERIOD + 3_605),
              failed_at: at(NEXT_PERIOD + 3_605),
            },
          ],
          grants: [grant(PERIOD), grant(NEXT_PERIOD)],
        })
      }
    })
  })
}

test('an object that is no event is refused', async () => {
  for (const name of ['composed-customer', 'official-invoice', 'official-subscription']) {
    expect(await deliver(service, readFixture(name))).toMatchObject({
      status: 400,
      body: { code: 'WEBHOOK_MALFORMED' },
    })
  }
  expect(await service.rows('select from webhook_events')).toEqual([])
})
