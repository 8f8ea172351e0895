import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { replayEvents } from '../../../src/operations/replay.ts'
import { cloneDatabase } from '../../database.ts'
import type { Service } from '../../service.ts'
import { type GivenRow, newCustomer } from './customers.ts'
import { deliver, deliverInTurn, startStripe } from './deliveries.ts'
import { GENERATIONS, MONTH, OTHER, PRO, START, type StripeJson, TEAMS } from './events.ts'

let service: Service
beforeAll(async () => {
  service = await startStripe()
})
afterAll(() => service.stop())

const customer = (given?: GivenRow) => newCustomer(service, given)
const DAY = 86_400
const NEXT = START + MONTH

const alerts = async (containing: string) =>
  (
    await service.rows(
      `select data -> 'data' as data from pgboss.job where name = 'notify-slack' and data::text like $1`,
      `%${containing}%`,
    )
  ).map(({ data }) => data as { channel: string; text: string })
const replay = async (on: Service, rowId: unknown) => {
  await replayEvents(
    on.db,
    [String(rowId)],
    { operator: 'test', via: 'command line', reason: 'understood now' },
    on.now(),
  )
  on.advance(1_000)
  await on.settled()
}
const withObject = (event: StripeJson, changes: object): StripeJson => ({
  ...event,
  data: { ...event.data, object: { ...event.data.object, ...changes } },
})

describe('an event that lacks what its rule needs is skipped with the reason, and a channel is alerted', () => {
  test.each(['paid', 'payment_succeeded', 'payment_failed'] as const)(
    'invoice.%s for the start or renewal of a subscription that it does not name',
    async (type) => {
      for (const reason of ['subscription_cycle', 'subscription_create']) {
        const { row, invoice, send, eventRow } = await customer()
        const event = invoice(type, { reason, subscription: null })
        const before = await row()
        await send(event)
        expect(await eventRow(event.id)).toMatchObject({
          status: 'skipped',
          misunderstood: expect.stringContaining('names no subscription'),
          last_error: expect.stringContaining('names no subscription'),
        })
        expect(await row()).toEqual(before)
        expect(await alerts(`invoice.${type}: it is for the start or renewal`)).toMatchObject([
          { channel: 'ops' },
        ])
      }
    },
  )
  test('and it takes effect when it is replayed by a service that understands it', async () => {
    const database = await cloneDatabase()
    const unwise = await startStripe({ DATABASE_URL: database.url })
    const { row, subscription, invoice, send } = await newCustomer(unwise)
    const event = invoice('paid', { price: OTHER, period: NEXT })
    await send(subscription('created'), event)
    expect((await row()).credits_remaining).toBe(500)
    await unwise.stop()

    const wiser = await startStripe({
      DATABASE_URL: database.url,
      STRIPE_PRICE_TEAMS: `${TEAMS},${OTHER}`,
    })
    const now = async (sql: string) => (await wiser.rows(sql))[0] ?? {}
    const inbox = `select * from webhook_events where event_id = '${event.id}'`
    const credits = async () => (await now('select credits_remaining from users')).credits_remaining
    await replay(wiser, (await now(inbox)).id)
    expect(await credits()).toBe(2_000)
    expect(await now(inbox)).toMatchObject({ status: 'processed', misunderstood: null })
    // Once more is not once more.
    await wiser.rows('update users set credits_remaining = credits_remaining - 300')
    await replay(wiser, (await now(inbox)).id)
    expect(await credits()).toBe(1_700)
    await wiser.stop()
    await database.drop()
  })
  test.each([
    ['an unknown status', { status: 'hibernating' }, 'hibernating'],
    ['no id', { id: null }, 'no usable id'],
    ['an id that is no text', { id: { a: 1 } }, 'no usable id'],
    ['neither customer nor a known subscription', { customer: null, id: 'sub_nobody' }, 'names no customer'],
  ])('a subscription with %s', async (_, changes, text) => {
    const { row, subscription, send, eventRow } = await customer()
    await send(subscription('created'))
    const before = await row()
    const event = withObject(subscription('updated', { price: TEAMS, at: START + 9 }), changes)
    await send(event)
    expect(await eventRow(event.id)).toMatchObject({
      status: 'skipped',
      misunderstood: expect.stringContaining(text),
    })
    expect(await row()).toEqual(before)
    expect((await alerts(text)).length).toBeGreaterThan(0)
  })
  test('an end with an unknown status is an end', async () => {
    const { subscription, send, standing } = await customer()
    await send(subscription('created'), subscription('deleted', { status: 'hibernating', at: START + 9 }))
    expect(await standing()).toEqual(['free', 'canceled', 0])
  })
  test.each([
    ['paid', { customer: null }],
    ['payment_failed', { id: '' }],
    ['voided', { customer: undefined }],
  ] as const)('invoice.%s with %o, of an unknown subscription', async (type, changes) => {
    const { invoice, send, eventRow } = await customer()
    const event = withObject(invoice(type), changes)
    await send(event)
    expect(await eventRow(event.id)).toMatchObject({ status: 'skipped', misunderstood: expect.any(String) })
  })
  test('an invoice of no subscription and no customer', async () => {
    const { invoice, send, eventRow } = await customer()
    const event = invoice('paid', { reason: 'manual', subscription: null, customer: null })
    await send(event)
    const misunderstood = 'invoice.paid: it names no customer'
    expect(await eventRow(event.id)).toMatchObject({ status: 'skipped', misunderstood })
  })
  test.each([
    ['no items', {}],
    ['an empty list of them', { items: { data: [] } }],
    ['items whose price is elsewhere', { items: { data: [{ id: 'si_1', rate: { id: PRO } }] } }],
  ])('a subscription with %s: what it tells is applied all the same', async (_, changes) => {
    const { subscription, send, eventRow, standing } = await customer()
    const told = withObject(subscription('updated', { status: 'unpaid', at: START + 9 }), {
      items: undefined,
      ...changes,
    })
    const ended = withObject(subscription('deleted', { at: START + 10 }), { items: undefined })
    await send(subscription('created'), told)
    const misunderstood = 'customer.subscription.updated: it names no price'
    expect(await eventRow(told.id)).toMatchObject({ status: 'processed', misunderstood })
    expect(await standing()).toEqual(['free', 'unpaid', 0])
    expect(await alerts(misunderstood)).toMatchObject([{ channel: 'ops' }])
    // An end needs no price.
    await send(ended)
    expect(await eventRow(ended.id)).toMatchObject({ status: 'processed', misunderstood: null })
  })
  test.each([
    ['no lines', { lines: undefined }],
    ['lines whose price is elsewhere', { lines: { data: [{ amount: 4_900, rate: { id: PRO } }] } }],
  ])('a paid renewal with %s', async (_, changes) => {
    const { subscription, invoice, send, eventRow, credits, spend } = await customer()
    const paid = withObject(invoice('paid', { period: NEXT }), changes)
    const failed = withObject(invoice('payment_failed', { period: NEXT }), changes)
    await send(subscription('created'))
    await spend(400)
    await send(paid, failed)
    expect(await eventRow(paid.id)).toMatchObject({
      status: 'processed',
      misunderstood: expect.stringContaining('no line names a price'),
    })
    expect(await eventRow(failed.id)).toMatchObject({ status: 'processed', misunderstood: null })
    // It pays for the period all the same, once a snapshot shows which one that is.
    await send(subscription('updated', { period: NEXT }))
    expect(await credits()).toBe(500)
  })
  test('each is marked, and there is one alert per cause', async () => {
    const { subscription, send } = await customer()
    await send(
      ...[1, 2, 3].map((n) => subscription('updated', { status: 'suspended', at: START + n })),
      subscription('updated', { status: 'frozen', at: START + 4 }),
    )
    expect(await alerts('suspended')).toHaveLength(1)
    expect(await alerts('frozen')).toHaveLength(1)
    const marked = await service.rows(`select from webhook_events where misunderstood like '%suspended%'`)
    expect(marked).toHaveLength(3)
  })
  test('an unknown price is only logged until it is paid', async () => {
    const { subscription, invoice, send, eventRow } = await customer()
    const price = 'price_unpaid'
    const shown = subscription('updated', { price, at: START + 9 })
    const failed = invoice('payment_failed', { price, period: NEXT })
    const byHand = invoice('paid', { price, reason: 'manual' })
    const refunding = invoice('paid', {
      reason: 'subscription_update',
      id: 'in_refunding',
      lines: [{ price, amount: -100, proration: true }],
    })
    await send(subscription('created'), shown, failed, byHand, refunding)
    for (const { id } of [shown, failed, byHand, refunding]) {
      expect(await eventRow(id)).toMatchObject({ status: 'processed', misunderstood: null })
    }
    expect(await alerts(price)).toEqual([])
  })
})

describe('disputes and refunds alert the billing channel and change no row', () => {
  const about = (type: string, object: object): StripeJson => ({
    id: `evt_${type}_${Math.random()}`,
    object: 'event',
    api_version: null,
    livemode: true,
    created: START + DAY,
    type,
    data: { object: object as Record<string, unknown> },
  })
  const charge = (id: number, fields: object) => ({
    id: `ch_${id}_${Object.keys(fields).length}`,
    object: 'charge',
    customer: `cus_${id}`,
    amount: 4_900,
    currency: 'usd',
    ...fields,
  })

  test('a dispute, which names no customer', async () => {
    const { id, subscription, send, row, eventRow } = await customer()
    await send(subscription('created'))
    const before = await row()
    const dispute = {
      id: `dp_${id}`,
      object: 'dispute',
      charge: `ch_${id}`,
      amount: 4_900,
      currency: 'usd',
      reason: 'fraudulent',
    }
    const event = about('charge.dispute.created', dispute)
    await send(event, { ...event, id: `${event.id}_again` })
    expect(await alerts(`dp_${id}`)).toEqual([
      {
        channel: 'billing',
        text: `⚖️ Payment disputed (fraudulent): $49.00, charge ch_${id}, dispute dp_${id}`,
      },
    ])
    expect(await eventRow(event.id)).toMatchObject({ status: 'processed', misunderstood: null })
    expect(await row()).toEqual(before)
  })
  test('a full refund, not one in part', async () => {
    const { id, subscription, send, row } = await customer()
    await send(subscription('created'))
    const before = await row()
    await send(
      about('charge.refunded', charge(id, { amount_refunded: 1_000, refunded: false })),
      about('charge.refunded', charge(id, { amount_refunded: 4_900, refunded: true, x: 1 })),
    )
    expect((await alerts(`cus_${id}`)).map(({ channel, text }) => [channel, text])).toEqual([
      ['billing', `↩️ Payment refunded in full: $49.00, charge ch_${id}_3, customer cus_${id}`],
    ])
    expect(await row()).toEqual(before)
  })
  test('of a customer without a user, at once', async () => {
    const event = about('charge.refunded', charge(987_654, { refunded: true }))
    await deliverInTurn(service, event)
    expect(await alerts('cus_987654')).toHaveLength(1)
  })
  test('without an id it is misunderstood', async () => {
    const { send, eventRow } = await customer()
    const event = about('charge.dispute.created', { object: 'dispute' })
    await send(event)
    expect(await eventRow(event.id)).toMatchObject({ status: 'skipped', misunderstood: expect.any(String) })
  })
})

describe('events of test mode and of other accounts', () => {
  test('one of test mode is applied, and reported to ops once a day', async () => {
    const before = (await alerts('test-mode')).length
    const [one, other] = [await customer(), await customer()]
    await one.send({ ...one.subscription('created'), livemode: false })
    await other.send({ ...other.subscription('created'), livemode: false })
    expect(await one.standing()).toEqual(['pro', 'active', 500])
    const found = await alerts('stripe:test-mode:')
    expect(found).toMatchObject([
      { channel: 'ops', text: expect.stringMatching(/livemode: false.* https:.*docs\/providers\.md$/) },
    ])
    expect(before).toBe(0)
    service.advance(24 * 3_600_000)
    await one.send({ ...one.subscription('updated', { at: START + 9 }), livemode: false })
    expect(await alerts('stripe:test-mode:')).toHaveLength(2)
  })
  test.each([
    ['of a customer nobody has', { customer: 'cus_of_test_mode' }, 'pending'],
    ['that is not understood', { status: 'hibernating' }, 'skipped'],
  ])('one of test mode %s is reported, too', async (_, changes, status) => {
    const { subscription, send, eventRow } = await customer()
    service.advance(24 * 3_600_000)
    const before = (await alerts('stripe:test-mode:')).length
    const event = { ...withObject(subscription('created'), changes), livemode: false }
    await send(event)
    expect(await eventRow(event.id)).toMatchObject({ status })
    expect(await alerts('stripe:test-mode:')).toHaveLength(before + 1)
  })
  test.each([
    ['nobody handles', 'customer.created', 'ignored'],
    ['was never seen before', 'customer.subscription.tested', 'ignored'],
    ['is about a one-off payment', 'charge.refunded', 'processed'],
  ])('one of test mode whose type %s is reported, too', async (_, type, status) => {
    const { subscription, send, eventRow } = await customer()
    service.advance(24 * 3_600_000)
    const before = (await alerts('stripe:test-mode:')).length
    const event = { ...subscription('created'), type, livemode: false }
    await send(event)
    expect(await eventRow(event.id)).toMatchObject({ status })
    expect(await alerts('stripe:test-mode:')).toHaveLength(before + 1)
  })
  test('one of another account (Connect) is kept and ignored, also in test mode', async () => {
    const { row, subscription, send, eventRow } = await customer()
    service.advance(24 * 3_600_000)
    const before = [await row(), await alerts('stripe:test-mode:')]
    for (const livemode of [true, false]) {
      const event = { ...subscription('created'), account: 'acct_other', livemode }
      await send(event)
      expect(await eventRow(event.id)).toMatchObject({ status: 'ignored', misunderstood: null })
    }
    expect([await row(), await alerts('stripe:test-mode:')]).toEqual(before)
  })
})

for (const generation of GENERATIONS) {
  describe(`whose event it is (${generation} payloads)`, () => {
    test('is found by the subscription’s row when no user has the customer id', async () => {
      const { id, subscription, send, standing } = await newCustomer(service, {}, generation)
      await service.rows('update users set stripe_customer_id = null where id = $1', id)
      await service.rows('insert into subscriptions (id, user_id) values ($1, $2)', `sub_${id}`, id)
      await send(subscription('created'))
      expect(await standing()).toEqual(['pro', 'active', 500])
    })
    test('is found by the known subscription when the event names no customer, and an alert is sent', async () => {
      const { id, subscription, invoice, send, standing, mails, eventRow } = await newCustomer(
        service,
        {},
        generation,
      )
      await send(subscription('created'))
      const nameless = [
        subscription('updated', { customer: null, cancel: true, changed: { cancel: false }, at: START + 9 }),
        invoice('payment_failed', { period: NEXT, price: TEAMS, nextAttempt: NEXT + DAY }),
        invoice('paid', { customer: '', period: NEXT, price: TEAMS, at: NEXT + 9 }),
        subscription('deleted', { customer: { object: 'customer' }, at: NEXT + DAY }),
      ].map((event) => ({ ...event, data: { ...event.data, object: { ...event.data.object } } }))
      delete nameless[1]?.data.object.customer
      await send(...nameless.slice(0, 3))
      expect(await standing()).toEqual(['teams', 'active', 2_000])
      await send(...nameless.slice(3))
      expect(await standing()).toEqual(['free', 'canceled', 0])
      expect(await mails()).toEqual(['welcome', 'payment-failed', 'subscription-ended'])
      for (const event of nameless) {
        expect(await eventRow(event.id)).toMatchObject({
          status: 'processed',
          misunderstood: `${event.type}: it names no customer`,
        })
      }
      expect(await service.rows('select user_id from subscriptions where id = $1', `sub_${id}`)).toEqual([
        { user_id: String(id) },
      ])
    })
    test('is the subscription’s user, not another one who has no customer id either', async () => {
      const both = [await newCustomer(service, {}, generation), await newCustomer(service, {}, generation)]
      for (const { id } of both) {
        await service.rows('insert into subscriptions (id, user_id) values ($1, $2)', `sub_${id}`, id)
        await service.rows('update users set stripe_customer_id = null where id = $1', id)
      }
      // In one batch, in either order.
      await service.rows(
        `update subscriptions set user_id = null where id = any($1)`,
        both.map(({ id }) => `sub_${id}`),
      )
      const events = [...both, ...both.toReversed()].map(({ subscription }, n) =>
        n < 2
          ? subscription('created')
          : subscription('updated', { customer: null, at: START + 9, cancel: true }),
      )
      await both[0]?.send(...events)
      for (const { id } of both) {
        await service.rows('update subscriptions set user_id = $2 where id = $1', `sub_${id}`, id)
      }
      await service.rows(
        `update webhook_events set status = 'pending', waiting_since = null, last_error = null, attempts = 0, next_attempt_at = $2
         where event_id = any($1)`,
        events.map(({ id }) => id),
        new Date(service.now().getTime() + 1_000),
      )
      service.advance(2_000)
      await service.settled()
      for (const { id, standing, row, eventRow } of both) {
        expect(await standing()).toEqual(['pro', 'active', 500])
        expect(await row()).toMatchObject({ stripe_subscription_id: `sub_${id}`, cancel_at_period_end: true })
        for (const event of events) expect(await eventRow(event.id)).toMatchObject({ status: 'processed' })
      }
    })
    test('is found by an event of the same batch, whichever came first', async () => {
      const {
        id,
        customer: customerId,
        subscription,
        send,
        standing,
        eventRow,
      } = await newCustomer(service, {}, generation)
      const nameless = subscription('updated', { customer: null, cancel: true, at: START + 9 })
      const [first, second] = [subscription('updated', { at: START + 2 }), subscription('created')]
      await service.rows('update users set stripe_customer_id = null where id = $1', id)
      await send(first, second)
      await send(nameless)
      expect(await eventRow(nameless.id)).toMatchObject({ status: 'skipped' })
      await service.rows(
        `update webhook_events set status = 'pending', waiting_since = null, last_error = null, attempts = 0, next_attempt_at =
           (select min(next_attempt_at) from webhook_events where event_id = any($2)) - interval '1 millisecond'
         where event_id = $1`,
        nameless.id,
        [first.id, second.id],
      )
      await service.rows('update users set stripe_customer_id = $2 where id = $1', id, customerId)
      service.advance(11_000)
      await service.settled()
      expect(await eventRow(nameless.id)).toMatchObject({ status: 'processed' })
      expect(await standing()).toEqual(['pro', 'active', 500])
    })
    test('is known when the customer id comes, and waited for until then', async () => {
      const {
        id,
        customer: customerId,
        subscription,
        send,
        standing,
        eventRow,
      } = await newCustomer(service, {}, generation)
      await service.rows('update users set stripe_customer_id = null where id = $1', id)
      const event = subscription('created')
      await send(event)
      expect(await eventRow(event.id)).toMatchObject({ status: 'pending' })
      await service.rows('update users set stripe_customer_id = $2 where id = $1', id, customerId)
      service.advance(11_000)
      await service.settled()
      expect(await standing()).toEqual(['pro', 'active', 500])
    })
    test('when a customer id moves to another account, both are settled', async () => {
      const [old, taker] = [
        await newCustomer(service, {}, generation),
        await newCustomer(service, { credits: 25 }, generation),
      ]
      await old.send(old.subscription('created', { price: TEAMS }))
      await old.spend(300)
      const other = { id: `sub_b_${old.id}`, customer: `cus_kept_${old.id}`, price: PRO }
      await service.rows('insert into subscriptions (id, user_id) values ($1, $2)', other.id, old.id)
      await old.send(old.subscription('created', other))
      expect(await old.standing()).toEqual(['teams', 'active', 2_200])

      await service.rows('update users set stripe_customer_id = null where id = $1', old.id)
      await service.rows('update users set stripe_customer_id = $2 where id = $1', taker.id, old.customer)
      await old.send(
        old.subscription('updated', {
          price: TEAMS,
          cancel: true,
          changed: { cancel: false },
          at: START + DAY,
        }),
      )
      expect(await old.standing()).toEqual(['pro', 'active', 500])
      expect(await taker.standing()).toEqual(['teams', 'active', 1_725])
      expect(await taker.row()).toMatchObject({
        stripe_subscription_id: `sub_${old.id}`,
        cancel_at_period_end: true,
      })
      expect(await taker.grants()).toEqual([`sub_${old.id}:${START}:teams 2000`])
      expect(await old.grants()).toEqual([`sub_b_${old.id}:${START}:pro 500`])
      expect(await taker.mails()).toEqual([])

      await old.send(old.subscription('deleted', { price: TEAMS, at: START + 2 * DAY }))
      expect(await taker.standing()).toEqual(['free', 'canceled', 25])
      expect(await old.standing()).toEqual(['pro', 'active', 500])
      expect(await taker.mails()).toEqual(['subscription-ended'])
    })
    test.each([
      ['alone', false],
      ['and so does a row of subscriptions', true],
    ])(
      'a plan whose row names the subscription moves with its customer id before any event (%s)',
      async (_, isRegistered) => {
        const given = { tier: 'pro', credits: 320, subscription: 'sub' } as const
        for (const first of ['updated', 'paid', 'payment_failed'] as const) {
          const old = await newCustomer(service, given, generation)
          const taker = await newCustomer(service, { credits: 25 }, generation)
          if (isRegistered) {
            await service.rows(
              'insert into subscriptions (id, user_id) values ($1, $2)',
              `sub_${old.id}`,
              old.id,
            )
          }
          await service.rows('update users set stripe_customer_id = null where id = $1', old.id)
          await service.rows('update users set stripe_customer_id = $2 where id = $1', taker.id, old.customer)
          await old.send(
            first === 'updated'
              ? old.subscription('updated', { at: START + DAY })
              : old.invoice(first, { period: NEXT, nextAttempt: NEXT + DAY }),
          )
          const credits = { updated: 345, paid: 500, payment_failed: 345 }[first]
          expect((await taker.standing()).filter((_, n) => n !== 1)).toEqual(['pro', credits])
          expect((await taker.row()).stripe_subscription_id).toBe(`sub_${old.id}`)
          expect(await old.row()).toMatchObject({
            subscription_tier: 'free',
            credits_remaining: 0,
            stripe_subscription_id: null,
          })
          expect(await taker.mails()).toEqual(first === 'payment_failed' ? ['payment-failed'] : [])
          expect(await old.mails()).toEqual([])
        }
      },
    )
    test('a plan whose row names no subscription stays when the customer id of another one moves before any event', async () => {
      const old = await newCustomer(service, { tier: 'pro', credits: 320 }, generation)
      const taker = await newCustomer(service, {}, generation)
      await service.rows('insert into subscriptions (id, user_id) values ($1, $2)', `sub_${old.id}`, old.id)
      await service.rows('update users set stripe_customer_id = null where id = $1', old.id)
      await service.rows('update users set stripe_customer_id = $2 where id = $1', taker.id, old.customer)
      await old.send(old.subscription('created', { price: TEAMS }))
      expect(await taker.standing()).toEqual(['teams', 'active', 2_000])
      expect(await taker.mails()).toEqual(['welcome'])
      expect(await old.row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 320 })
    })
    test('a plan from before moves after another subscription of the user has begun', async () => {
      const old = await newCustomer(service, { tier: 'pro', credits: 320, subscription: 'sub' }, generation)
      const taker = await newCustomer(service, {}, generation)
      await old.send(old.subscription('created', { id: `sub_b_${old.id}`, price: TEAMS }))
      expect(await old.standing()).toEqual(['teams', 'active', 2_320])
      await service.rows('update users set stripe_customer_id = null where id = $1', old.id)
      await service.rows('update users set stripe_customer_id = $2 where id = $1', taker.id, old.customer)
      await old.send(old.subscription('updated', { at: START + DAY }))
      expect(await old.standing()).toEqual(['teams', 'active', 2_000])
      expect(await taker.standing()).toEqual(['pro', 'active', 320])
    })
    test('a plan from before moves with its customer id, too', async () => {
      const old = await newCustomer(service, { tier: 'pro', credits: 320, subscription: 'sub' }, generation)
      const taker = await newCustomer(service, {}, generation)
      await old.send(old.subscription('updated', { at: START }))
      await service.rows('update users set stripe_customer_id = null where id = $1', old.id)
      await service.rows('update users set stripe_customer_id = $2 where id = $1', taker.id, old.customer)
      await old.send(
        old.subscription('updated', { cancel: true, changed: { cancel: false }, at: START + DAY }),
      )
      expect((await old.standing()).filter((_, n) => n !== 1)).toEqual(['free', 0])
      expect(await taker.standing()).toEqual(['pro', 'active', 320])
      expect([...(await taker.mails()), ...(await old.mails())]).toEqual([])
    })
  })
}

test('a delivery whose events are all known stays a duplicate', async () => {
  const { subscription, send } = await customer()
  const event = subscription('created')
  await send(event)
  expect(await deliver(service, event)).toMatchObject({ body: { status: 'duplicate' } })
})
