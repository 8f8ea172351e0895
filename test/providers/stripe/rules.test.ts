import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { deliver, deliverInTurn, requested, seedUser, startStripe } from './deliveries.ts'
import { eventsOf, GENERATIONS, type Generation, MONTH, OTHER, PRO, START, TEAMS } from './events.ts'

let service: Service
let user = 0
beforeAll(async () => {
  service = await startStripe()
})
afterAll(() => service.stop())

/** A fresh user and the events of their customer. */
const fresh = async (generation: Generation = 'new') => {
  const id = ++user
  await seedUser(service, id)
  const row = async () => (await service.rows('select * from users where id = $1', id))[0]
  return {
    id,
    ...eventsOf(id, generation),
    row,
    subscriptionRow: async (subscription = `sub_${id}`) =>
      (await service.rows('select * from subscriptions where id = $1', subscription))[0],
    grants: async () =>
      (
        await service.rows('select grant_key, credits from credit_grants where user_id = $1 order by 1', id)
      ).map(({ grant_key, credits }) => `${grant_key} ${credits}`),
    /** E-mails requested for the user, as template and data. */
    emails: async () =>
      (await requested(service, 'email'))
        .map(({ data }) => data)
        .filter(({ to }) => to === `user${id}@example.com`)
        .map(({ template, data }) => [template, data]),
    send: (...events: unknown[]) => deliverInTurn(service, ...events),
    spend: (credits: number) =>
      service.rows('update users set credits_remaining = credits_remaining - $2 where id = $1', id, credits),
  }
}
const at = (seconds: number) => new Date(seconds * 1_000)
const logged = (message: string, field: string, value: unknown) =>
  service.logs.find((line) => line.msg === message && line[field] === value)
const proWelcome = ['welcome', { tier: 'Pro', credits: 500 }]

for (const generation of GENERATIONS) {
  describe(`with the ${generation} payloads`, () => {
    test('a subscription that starts with access shows in the user’s row and grants its credits', async () => {
      const { id, subscription, send, row, subscriptionRow, grants, emails } = await fresh(generation)
      await send(subscription('created', { status: 'trialing' }))
      expect(await row()).toMatchObject({
        stripe_subscription_id: `sub_${id}`,
        subscription_tier: 'pro',
        subscription_status: 'trialing',
        credits_remaining: 500,
        current_period_end: at(START + MONTH),
        cancel_at_period_end: false,
      })
      expect(await subscriptionRow()).toMatchObject({
        user_id: String(id),
        status: 'trialing',
        price_id: PRO,
        current_period_end: at(START + MONTH),
        last_event_at: at(START + 1),
      })
      expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`])
      expect(await emails()).toEqual([proWelcome])
    })

    test('one that is incomplete gets access, credits and the welcome when its first invoice is paid', async () => {
      const { subscription, invoice, send, row, emails } = await fresh(generation)
      await send(subscription('created', { status: 'incomplete' }))
      expect(await row()).toMatchObject({
        subscription_tier: 'free',
        subscription_status: 'incomplete',
        credits_remaining: 0,
      })
      expect(await emails()).toEqual([])
      await send(
        invoice('paid', { reason: 'subscription_create' }),
        invoice('payment_succeeded', { reason: 'subscription_create' }),
        subscription('updated', { at: START + 3 }),
      )
      expect(await row()).toMatchObject({
        subscription_tier: 'pro',
        subscription_status: 'active',
        credits_remaining: 500,
      })
      expect(await emails()).toEqual([proWelcome])
    })

    test('an invoice paid before the subscription is known makes it active', async () => {
      const { id, subscription, invoice, send, row, emails } = await fresh(generation)
      await send(invoice('paid', { reason: 'subscription_create', price: TEAMS }))
      const shown = {
        stripe_subscription_id: `sub_${id}`,
        subscription_tier: 'teams',
        subscription_status: 'active',
        credits_remaining: 2_000,
        current_period_end: at(START + MONTH),
      }
      expect(await row()).toMatchObject(shown)
      await send(subscription('created', { status: 'incomplete', price: TEAMS }))
      expect(await row()).toMatchObject(shown)
      expect(await emails()).toEqual([['welcome', { tier: 'Teams', credits: 2_000 }]])
    })

    test('a renewal sets the credits once, whichever of its two events comes first', async () => {
      const { id, subscription, invoice, send, spend, row, grants } = await fresh(generation)
      await send(subscription('created'))
      await spend(123)
      await send(invoice('payment_succeeded', { period: START + MONTH }))
      expect(await row()).toMatchObject({
        credits_remaining: 500,
        current_period_end: at(START + 2 * MONTH),
      })
      await spend(200)
      await send(
        invoice('paid', { period: START + MONTH }),
        subscription('updated', { period: START + MONTH }),
      )
      expect(await row()).toMatchObject({
        credits_remaining: 300,
        current_period_end: at(START + 2 * MONTH),
      })
      expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`, `sub_${id}:${START + MONTH}:pro 500`])
    })

    test('an upgrade adds what the higher tier has above the lower, and what was spent stays spent', async () => {
      const { subscription, invoice, send, spend, row } = await fresh(generation)
      await send(subscription('created'))
      await spend(100)
      const upgrade = subscription('updated', { price: TEAMS, previous: PRO, at: START + 100 })
      await send(upgrade, invoice('paid', { id: 'in_up', reason: 'subscription_update', proration: true }))
      expect(await row()).toMatchObject({ subscription_tier: 'teams', credits_remaining: 1_900 })
    })

    test('an invoice that failed shows past_due until it is paid, and the user is notified', async () => {
      const { id, subscription, invoice, send, row, emails } = await fresh(generation)
      const period = START + MONTH
      await send(subscription('created'), invoice('payment_failed', { period, nextAttempt: period + 86_400 }))
      expect(await row()).toMatchObject({ subscription_tier: 'pro', subscription_status: 'past_due' })
      const failed = {
        invoiceUrl: `https://invoice.stripe.com/i/in_sub_${id}_${period}`,
        nextAttemptAt: at(period + 86_400).toISOString(),
      }
      expect(await emails()).toEqual([proWelcome, ['payment-failed', failed]])
      const pushes = (await requested(service, 'push')).filter(({ data }) => data.userId === String(id))
      expect(pushes).toMatchObject([{ data: { title: 'Payment failed', url: failed.invoiceUrl } }])
      await send(invoice('paid', { period, at: period + 90_000 }))
      expect(await row()).toMatchObject({ subscription_status: 'active', credits_remaining: 500 })
    })

    test('the end of the shown subscription takes tier and credits and sends an e-mail', async () => {
      const { subscription, invoice, send, row, emails } = await fresh(generation)
      await send(subscription('created'), subscription('deleted', { at: START + 500 }))
      const ended = { subscription_tier: 'free', subscription_status: 'canceled', credits_remaining: 0 }
      expect(await row()).toMatchObject(ended)
      expect(await emails()).toEqual([proWelcome, ['subscription-ended', { tier: 'Pro' }]])
      // Nothing revives it: neither a late payment nor a later snapshot.
      await send(
        invoice('paid', { period: START + MONTH }),
        subscription('updated', { period: START + MONTH, price: TEAMS, previous: PRO }),
      )
      expect(await row()).toMatchObject(ended)
      expect(await emails()).toHaveLength(2)
    })

    describe('order', () => {
      test('an old snapshot after a newer one changes nothing', async () => {
        const { subscription, send, row } = await fresh(generation)
        await send(subscription('updated', { status: 'past_due', at: START + 50 }), subscription('created'))
        expect(await row()).toMatchObject({ subscription_status: 'past_due', credits_remaining: 500 })
      })
      test('within a second the later stage counts, then the greater event id', async () => {
        const { subscription, send, row } = await fresh(generation)
        await send(
          subscription('updated', { status: 'active', at: START + 1 }),
          subscription('created', { status: 'incomplete', at: START + 1 }),
        )
        expect(await row()).toMatchObject({ subscription_status: 'active' })
        await send(
          subscription('updated', { cancel: true, at: START + 7, eventId: `evt_z${user}` }),
          subscription('updated', { cancel: false, at: START + 7, eventId: `evt_a${user}` }),
        )
        expect(await row()).toMatchObject({ cancel_at_period_end: true })
      })
      test('an end that comes first stays the end, and the credits granted after it are only written down', async () => {
        const { id, subscription, invoice, send, row, grants, emails } = await fresh(generation)
        await send(
          subscription('deleted', { at: START + 50 }),
          subscription('created'),
          invoice('paid', { reason: 'subscription_create' }),
          invoice('paid', { period: START + MONTH }),
        )
        expect(await row()).toMatchObject({
          subscription_status: 'canceled',
          subscription_tier: 'free',
          credits_remaining: 0,
        })
        expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`, `sub_${id}:${START + MONTH}:pro 500`])
        // It never gave access here, so there is nothing to say.
        expect(await emails()).toEqual([])
      })
      test('a failed attempt that is reported after the payment notifies no one', async () => {
        const { id, subscription, invoice, send, row, emails } = await fresh(generation)
        const period = START + MONTH
        await send(
          subscription('created'),
          invoice('paid', { period, at: period + 100 }),
          invoice('payment_failed', { period, at: period + 50 }),
        )
        expect(await row()).toMatchObject({ subscription_status: 'active' })
        expect(await emails()).toEqual([proWelcome])
        expect(
          await service.rows('select * from invoices where subscription_id = $1', `sub_${id}`),
        ).toMatchObject([{ paid_at: at(period + 100), failed_at: at(period + 50) }])
      })
      test('a failed attempt older than the newest snapshot does not show', async () => {
        const { subscription, invoice, send, row } = await fresh(generation)
        await send(
          subscription('created'),
          subscription('updated', { at: START + 60 }),
          invoice('payment_failed', { at: START + 50 }),
        )
        expect(await row()).toMatchObject({ subscription_status: 'active' })
      })
      test('an upgrade reported after the renewal that follows it gives the renewal’s period nothing', async () => {
        const { subscription, invoice, send, row } = await fresh(generation)
        const period = START + MONTH
        await send(
          subscription('created'),
          invoice('paid', { period, price: TEAMS }),
          subscription('updated', { price: TEAMS, previous: PRO, at: START + 100 }),
          subscription('updated', { price: TEAMS, period }),
        )
        expect(await row()).toMatchObject({ subscription_tier: 'teams', credits_remaining: 2_000 })
      })
      test('a plan that is changed while the subscription is unpaid gives nothing', async () => {
        const { id, subscription, send, row, grants } = await fresh(generation)
        await send(
          subscription('created'),
          subscription('updated', { status: 'unpaid', price: TEAMS, previous: PRO, at: START + 9 }),
        )
        expect(await row()).toMatchObject({ subscription_tier: 'free', credits_remaining: 0 })
        expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`])
      })
      test('a downgrade shows at once and takes no credits before the next period', async () => {
        const { subscription, invoice, send, row } = await fresh(generation)
        await send(
          subscription('created', { price: TEAMS }),
          subscription('updated', { price: PRO, previous: TEAMS, at: START + 100 }),
        )
        expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 2_000 })
        await send(invoice('paid', { period: START + MONTH }))
        expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 500 })
      })
      test('all events of a customer in one batch, in any order, end right', async () => {
        const { id, subscription, invoice, send, row, emails, grants } = await fresh(generation)
        const period = START + MONTH
        const failed = { period, at: period + 2, nextAttempt: period + 99 }
        const events = [
          subscription('created', { status: 'incomplete' }),
          invoice('paid', { reason: 'subscription_create' }),
          invoice('payment_succeeded', { reason: 'subscription_create' }),
          subscription('updated', { at: START + 3 }),
          subscription('updated', { price: TEAMS, previous: PRO, at: START + 100 }),
          invoice('payment_failed', failed),
          invoice('payment_failed', failed),
          subscription('updated', { period, price: TEAMS }),
        ].reverse()
        // They wait for their user, and are all due at the same moment.
        await service.rows('update users set stripe_customer_id = null where id = $1', id)
        await send(...events)
        await service.rows('update users set stripe_customer_id = $2 where id = $1', id, `cus_${id}`)
        service.advance(11_000)
        await service.settled()
        const batches = await service.rows(
          `select count(*)::int from webhook_events where subject = $1 and status = 'processed' group by processed_at`,
          `customer:cus_${id}`,
        )
        const sizes = batches.map(({ count }) => Number(count))
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(events.length)
        expect(Math.max(...sizes)).toBeGreaterThan(1)
        expect(await row()).toMatchObject({
          subscription_tier: 'teams',
          subscription_status: 'past_due',
          // The upgrade was not paid, and the subscription is in arrears.
          credits_remaining: 500,
          current_period_end: at(period + MONTH),
        })
        expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`, `sub_${id}:${START}:teams 2000`])
        expect((await emails()).map(([template]) => template).sort()).toEqual(['payment-failed', 'welcome'])
      })
    })

    describe('prices', () => {
      test('an unknown one changes nothing but the status, and is logged', async () => {
        const { id, subscription, invoice, send, row } = await fresh(generation)
        await send(subscription('created'))
        const before = await row()
        await send(
          subscription('updated', { price: OTHER, period: START + MONTH }),
          invoice('paid', { price: OTHER, period: START + MONTH }),
        )
        expect(await row()).toEqual(before)
        expect(logged('unknown price', 'subscriptionId', `sub_${id}`)).toMatchObject({
          level: 40,
          priceId: OTHER,
        })
      })
      test('a subscription whose price was never known changes nothing', async () => {
        const { id, subscription, send, row } = await fresh(generation)
        await service.rows(
          `update users set subscription_tier = 'teams', credits_remaining = 7 where id = $1`,
          id,
        )
        const before = await row()
        await send(subscription('created', { price: OTHER }))
        expect(await row()).toEqual(before)
      })
      test('a change from an unknown price is no upgrade', async () => {
        const { subscription, send, row, grants } = await fresh(generation)
        await send(subscription('updated', { price: PRO, previous: OTHER }))
        expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 0 })
        expect(await grants()).toEqual([])
      })
      test('of several items the known one counts, and plain and expanded ids alike', async () => {
        const { id, subscription, send, row } = await fresh(generation)
        const event = subscription('created', { customer: { id: `cus_${id}`, object: 'customer' } })
        const items = [
          { id: 'si_0', price: OTHER, current_period_start: START, current_period_end: START + 9 },
          { id: 'si_1', plan: TEAMS, current_period_start: START, current_period_end: START + MONTH },
        ]
        await send({ ...event, data: { object: { ...event.data.object, items: { data: items } } } })
        expect(await row()).toMatchObject({
          subscription_tier: 'teams',
          current_period_end: at(START + MONTH),
        })
      })
    })

    describe('invoices', () => {
      test('of several lines of a paid one that ends last tells price and period, and no proration', async () => {
        const { id, subscription, invoice, send, row, subscriptionRow, grants } = await fresh(generation)
        const event = invoice('paid', { period: START + MONTH })
        const long = invoice('paid', { period: START + MONTH, price: TEAMS })
        const unused = invoice('paid', { period: START + 9 * MONTH, price: TEAMS, proration: true })
        const [line, longer, proration] = [event, long, unused].map(
          ({ data }) => (data.object.lines as { data: Record<string, unknown>[] }).data[0],
        )
        const year = { ...longer, period: { start: START + MONTH, end: START + 12 * MONTH } }
        await send(subscription('created'), {
          ...event,
          data: { object: { ...event.data.object, lines: { data: [line, year, proration] } } },
        })
        expect(await row()).toMatchObject({
          subscription_tier: 'teams',
          current_period_end: at(START + 12 * MONTH),
          credits_remaining: 2_000,
        })
        expect(await subscriptionRow()).toMatchObject({ price_id: TEAMS })
        expect(await grants()).toEqual([
          `sub_${id}:${START}:pro 500`,
          `sub_${id}:${START + MONTH}:teams 2000`,
        ])
      })
      test('a paid one tells price and period where it is later than the snapshot, not where they tie', async () => {
        const { subscription, invoice, send, row } = await fresh(generation)
        await send(subscription('created'), invoice('paid', { price: TEAMS }))
        expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 2_000 })
        await send(invoice('paid', { price: TEAMS, period: START + 1 }))
        expect(await row()).toMatchObject({
          subscription_tier: 'teams',
          current_period_end: at(START + 1 + MONTH),
        })
      })
      test('without a period a snapshot is of the one that starts with the subscription, else with the event', async () => {
        const { id, subscription, send, grants, row } = await fresh(generation)
        const created = subscription('created')
        const items = { data: [{ id: 'si_1', price: { id: PRO } }] }
        const { current_period_start: _start, current_period_end: _end, ...bare } = created.data.object
        await send({ ...created, data: { object: { ...bare, items, start_date: START - 7 } } })
        const { start_date: _date, ...barer } = bare
        const other = subscription('created', { at: START - 5 })
        await send({ ...other, data: { object: { ...barer, items } } })
        expect(await grants()).toEqual([START - 7, START - 5].map((start) => `sub_${id}:${start}:pro 500`))
        expect(await row()).toMatchObject({ current_period_end: null, credits_remaining: 500 })
      })
      test('one of nothing, as a trial starts with, grants as any other', async () => {
        const { invoice, send, row } = await fresh(generation)
        const event = invoice('paid', { reason: 'subscription_create' })
        await send({ ...event, data: { object: { ...event.data.object, amount_paid: 0 } } })
        expect(await row()).toMatchObject({ subscription_status: 'active', credits_remaining: 500 })
      })
      test('one that a person made, and prorations, grant nothing and make nothing active', async () => {
        const { id, invoice, send, row, grants } = await fresh(generation)
        const before = await row()
        await send(
          invoice('paid', { id: `in_m${id}`, reason: 'manual', subscription: null }),
          invoice('paid', { id: `in_n${id}`, reason: 'manual' }),
          invoice('paid', { id: `in_u${id}`, reason: 'subscription_update', proration: true }),
        )
        expect(await row()).toEqual(before)
        expect(await grants()).toEqual([])
      })
      test('the final failure has its own wording and alerts billing', async () => {
        const { id, subscription, invoice, send, emails } = await fresh(generation)
        const period = START + MONTH
        await send(
          subscription('created'),
          invoice('payment_failed', { period, nextAttempt: period + 86_400, at: period + 1 }),
          invoice('payment_failed', { period, nextAttempt: null, attempts: 2, at: period + 86_401 }),
        )
        const invoiceId = `in_sub_${id}_${period}`
        expect((await emails()).slice(1)).toEqual([
          [
            'payment-failed',
            expect.objectContaining({ invoiceUrl: `https://invoice.stripe.com/i/${invoiceId}` }),
          ],
          ['payment-failed-final', { invoiceUrl: `https://invoice.stripe.com/i/${invoiceId}` }],
        ])
        const told = (await requested(service, 'slack')).filter(({ data }) =>
          String(data.text).includes(invoiceId),
        )
        expect(told).toMatchObject([
          { data: { channel: 'billing', text: expect.stringContaining(`User: user${id}@example.com`) } },
        ])
      })
      test('one attempt that Stripe reports by two events notifies once', async () => {
        const { subscription, invoice, send, emails } = await fresh(generation)
        const failed = { nextAttempt: START + 99, at: START + 50 }
        await send(
          subscription('created'),
          invoice('payment_failed', failed),
          invoice('payment_failed', failed),
        )
        expect(await emails()).toHaveLength(2)
      })
      test('a link that is no https URL is left out of the mail, and one that is holds no line break', async () => {
        for (const [given, told] of [
          ['javascript:alert(1)', null],
          ['http://invoice.stripe.com/i/1', null],
          ['/i/1', null],
          [7, null],
          ['https://invoice.stripe.com/i/1\r\nBcc: x', 'https://invoice.stripe.com/i/1Bcc:%20x'],
        ]) {
          const { invoice, send, emails } = await fresh(generation)
          const event = invoice('payment_failed')
          await send({ ...event, data: { object: { ...event.data.object, hosted_invoice_url: given } } })
          expect(await emails()).toEqual([['payment-failed-final', { invoiceUrl: told }]])
        }
      })
    })

    describe('a user with two subscriptions', () => {
      test('keeps tier and credits of the new one when the old one ends, in either order', async () => {
        for (const endsFirst of [false, true]) {
          const { id, subscription, send, spend, row, emails } = await fresh(generation)
          const old = `sub_old_${id}`
          const change = [
            subscription('created', { price: TEAMS, period: START + 500 }),
            subscription('deleted', { id: old, at: START + 600 }),
          ]
          await send(subscription('created', { id: old }), ...(endsFirst ? change.toReversed() : change))
          expect(await row()).toMatchObject({
            stripe_subscription_id: `sub_${id}`,
            subscription_tier: 'teams',
            credits_remaining: 2_000,
          })
          expect((await emails()).filter(([template]) => template === 'welcome')).toHaveLength(2)
          // The end of one that is not shown sends nothing.
          const told = (await emails()).filter(([template]) => template === 'subscription-ended')
          expect(told).toHaveLength(endsFirst ? 1 : 0)
          await spend(10)
          await send(subscription('updated', { price: TEAMS, period: START + 500, at: START + 700 }))
          expect(await row()).toMatchObject({ credits_remaining: 1_990 })
        }
      })
      test('shows the one with access, then the higher tier, then the later end', async () => {
        const { id, subscription, send, row } = await fresh(generation)
        await send(
          subscription('created', { id: `sub_1_${id}`, period: START + 50 }),
          subscription('created', { id: `sub_2_${id}`, price: TEAMS }),
        )
        expect(await row()).toMatchObject({
          stripe_subscription_id: `sub_2_${id}`,
          subscription_tier: 'teams',
        })
        await send(
          subscription('updated', { id: `sub_2_${id}`, price: TEAMS, status: 'paused', at: START + 9 }),
        )
        expect(await row()).toMatchObject({ stripe_subscription_id: `sub_1_${id}`, subscription_tier: 'pro' })
        await send(subscription('created', { id: `sub_3_${id}`, period: START + 60 }))
        expect(await row()).toMatchObject({
          stripe_subscription_id: `sub_3_${id}`,
          current_period_end: at(START + 60 + MONTH),
        })
      })
      test('falls back to the credits of the one that goes on, whichever event comes first', async () => {
        for (const endsFirst of [false, true]) {
          const { id, subscription, send, row } = await fresh(generation)
          const high = [
            subscription('created', { id: `sub_h_${id}`, price: TEAMS }),
            subscription('deleted', { id: `sub_h_${id}`, price: TEAMS, at: START + 600 }),
          ]
          const low = subscription('created', { period: START + 500 })
          await send(...(endsFirst ? [...high, low] : [high[0], low, high[1]]))
          expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 500 })
        }
      })
    })
  })
}

describe('statuses', () => {
  for (const [status, tier] of [
    ['active', 'pro'],
    ['trialing', 'pro'],
    ['past_due', 'pro'],
    ['incomplete', 'free'],
    ['incomplete_expired', 'free'],
    ['unpaid', 'free'],
    ['paused', 'free'],
    ['canceled', 'free'],
  ]) {
    test(`${status} is ${tier}`, async () => {
      const { subscription, send, row } = await fresh()
      await send(subscription('created', { status: 'active' }))
      await send(subscription('updated', { status: String(status), at: START + 5 }))
      expect(await row()).toMatchObject({ subscription_status: status, subscription_tier: tier })
    })
  }
  test('a payload without a status counts as active', async () => {
    const { subscription, send, row } = await fresh()
    await send(subscription('created', { status: null }))
    expect(await row()).toMatchObject({ subscription_status: 'active', credits_remaining: 500 })
  })
  test('an unknown one keeps what was, and is logged', async () => {
    const { id, subscription, send, row } = await fresh()
    await send(subscription('created'))
    const before = await row()
    await send(subscription('updated', { status: 'hibernating', price: TEAMS, cancel: true, at: START + 9 }))
    expect(await row()).toEqual(before)
    expect(logged('unknown subscription status hibernating', 'subscriptionId', `sub_${id}`)).toMatchObject({
      level: 40,
    })
  })
  test('a deleted subscription has ended whatever its payload says', async () => {
    const { subscription, send, row } = await fresh()
    await send(subscription('created'), subscription('deleted', { status: 'active', at: START + 9 }))
    expect(await row()).toMatchObject({ subscription_status: 'canceled', subscription_tier: 'free' })
  })
  test('that it will end shows, by the flag or by a fixed time', async () => {
    const { subscription, send, row } = await fresh()
    await send(subscription('created'), subscription('updated', { cancel: true, at: START + 2 }))
    expect(await row()).toMatchObject({ cancel_at_period_end: true, subscription_tier: 'pro' })
    const timed = subscription('updated', { at: START + 3 })
    await send({ ...timed, data: { object: { ...timed.data.object, cancel_at: START + 99 } } })
    expect(await row()).toMatchObject({ cancel_at_period_end: true })
    await send(subscription('updated', { at: START + 4 }))
    expect(await row()).toMatchObject({ cancel_at_period_end: false })
  })
})

describe('a user whom another service gave a subscription before the first event', () => {
  /** With 320 credits; the status is not there in every case. */
  const given = async (status: string | null = 'active') => {
    const one = await fresh()
    await service.rows(
      `update users set stripe_subscription_id = $2, subscription_tier = 'pro', subscription_status = $3,
         credits_remaining = 320 where id = $1`,
      one.id,
      `sub_${one.id}`,
      status,
    )
    return one
  }

  test('is not welcomed again, and does not lose it to another one that ended', async () => {
    for (const status of ['active', null]) {
      const { id, subscription, invoice, send, row, emails } = await given(status)
      const before = await row()
      await send(subscription('deleted', { id: `sub_old_${id}` }))
      expect(await row()).toEqual(before)
      await send(invoice('paid', { period: START + MONTH }))
      expect(await row()).toMatchObject({ stripe_subscription_id: `sub_${id}`, credits_remaining: 500 })
      expect(await emails()).toEqual([])
    }
  })

  test('has its credits again once another one came and went, whichever event comes first', async () => {
    for (const endsFirst of [false, true]) {
      const { id, subscription, send, row } = await given()
      const events = [
        subscription('created', { id: `sub_b_${id}`, price: TEAMS }),
        subscription('deleted', { id: `sub_b_${id}`, price: TEAMS, at: START + 600 }),
      ]
      await send(...(endsFirst ? events.toReversed() : events))
      expect(await row()).toMatchObject({
        stripe_subscription_id: `sub_${id}`,
        subscription_tier: 'pro',
        credits_remaining: 320,
      })
    }
  })

  test('loses tier and credits when it ends', async () => {
    const { subscription, send, row, emails } = await given()
    await send(subscription('deleted'))
    expect(await row()).toMatchObject({
      subscription_tier: 'free',
      subscription_status: 'canceled',
      credits_remaining: 0,
    })
    expect(await emails()).toEqual([['subscription-ended', { tier: 'Pro' }]])
  })

  test('keeps what it wrote of others that no event is about', async () => {
    const { id, subscription, send, row, subscriptionRow } = await given()
    await service.rows(
      `insert into subscriptions (id, user_id, status, price_id, current_period_end, last_event_at)
       values ($2, $1, 'active', $4, $5, $6), ($3, $1, 'dormant', 'price_old', $5, null)`,
      id,
      `sub_teams_${id}`,
      `sub_odd_${id}`,
      TEAMS,
      at(START + MONTH),
      at(START),
    )
    const others = () => Promise.all(['teams', 'odd'].map((name) => subscriptionRow(`sub_${name}_${id}`)))
    const before = await others()
    await send(subscription('updated'))
    expect(await others()).toEqual(before)
    expect(await row()).toMatchObject({ stripe_subscription_id: `sub_${id}`, credits_remaining: 320 })
  })
})

describe('a user who is not there yet', () => {
  const seen = async (customer: string) =>
    (await service.rows('select status from webhook_events where subject = $1', `customer:${customer}`)).map(
      ({ status }) => status,
    )

  test('is waited for', async () => {
    const { subscription } = eventsOf('late')
    await deliverInTurn(service, subscription('created'))
    expect(await seen('cus_late')).toEqual(['pending'])
    await service.rows(
      `insert into users (id, email, stripe_customer_id) values (901, 'late@example.com', 'cus_late')`,
    )
    service.advance(11_000)
    await service.settled()
    expect(await seen('cus_late')).toEqual(['processed'])
    expect(
      await service.rows('select credits_remaining from users where stripe_customer_id = $1', 'cus_late'),
    ).toEqual([{ credits_remaining: 500 }])
  })

  test('for 72 hours; then one warning names the customer, and a resend revives the event', async () => {
    const { subscription } = eventsOf('never')
    const event = subscription('created')
    await deliverInTurn(service, event)
    service.advance(71 * 3_600_000)
    await service.settled()
    expect(await seen('cus_never')).toEqual(['pending'])
    service.advance(3_600_000)
    await service.settled()
    expect(await seen('cus_never')).toEqual(['skipped'])
    expect(service.logs.filter((line) => line.customerId === 'cus_never')).toMatchObject([
      { level: 40, msg: 'user not found' },
    ])
    await service.rows(
      `insert into users (id, email, stripe_customer_id) values (902, 'n@example.com', 'cus_never')`,
    )
    await deliverInTurn(service, event)
    expect(await seen('cus_never')).toEqual(['processed'])
  })
})

describe('payloads that are not what they should be', () => {
  const last = async () => (await service.rows('select * from webhook_events order by id desc limit 1'))[0]

  test('are kept and skipped, and harm no other event', async () => {
    const { subscription, send, row } = await fresh()
    const event = subscription('created')
    const odd = [{}, { id: 7 }, { id: 'sub_x', customer: null }, { id: 'x'.repeat(300), customer: 'cus_1' }]
    await Promise.all(
      odd.map((object, n) => deliver(service, { ...event, id: `evt_odd_${n}`, data: { object } })),
    )
    await send(event)
    const rows = await service.rows(`select status from webhook_events where event_id like 'evt_odd_%'`)
    expect(rows).toEqual(Array(odd.length).fill({ status: 'skipped' }))
    expect(await row()).toMatchObject({ credits_remaining: 500 })
  })
  test('are read as far as they can be: times out of range, lists that are none, NUL characters', async () => {
    const { id, subscription, send, row } = await fresh()
    const event = subscription('created')
    await send({
      ...event,
      created: 1e300,
      data: {
        object: {
          ...event.data.object,
          cancel_at: -5,
          start_date: 'yesterday',
          items: {
            data: [
              null,
              7,
              { id: 'si_1', price: { id: PRO }, current_period_start: START, current_period_end: 1e18 },
            ],
          },
          description: '\0\ud800',
        },
      },
    })
    expect(await last()).toMatchObject({ status: 'processed' })
    expect(await row()).toMatchObject({
      stripe_subscription_id: `sub_${id}`,
      subscription_tier: 'pro',
      current_period_end: null,
    })
  })
  test('with a NUL character or a lone surrogate in ids are stored all the same', async () => {
    const { subscription } = await fresh()
    for (const [customer, subject] of [
      ['cus_\0', 'customer:cus_\ufffd'],
      ['\ud800', 'customer:\ufffd'],
    ]) {
      expect(await deliver(service, subscription('created', { customer }))).toMatchObject({ status: 200 })
      await service.settled()
      expect(await last()).toMatchObject({ subject, status: 'pending', attempts: 0 })
    }
  })
  test('with a list of hundred thousands are read as far as a list can be meant', async () => {
    const { subscription, row } = await fresh()
    const event = subscription('created')
    const body = JSON.stringify(event).replace('"items":{"object":"list","data":[', (begin) =>
      begin.concat('{},'.repeat(20_000)),
    )
    const odd = JSON.stringify(event).replace('"data":[{"id":"si_1"', (begin) =>
      begin.replace('[', `[${'7,'.repeat(900)}`),
    )
    expect(await deliver(service, body.replace(event.id, `${event.id}_long`))).toMatchObject({ status: 200 })
    await service.settled()
    expect(await row()).toMatchObject({ credits_remaining: 0 })
    await deliver(service, odd)
    await service.settled()
    expect(await row()).toMatchObject({ credits_remaining: 500 })
  })
  test('nested some thousand levels deep are stored cut and applied', async () => {
    const { subscription, row } = await fresh()
    const event = subscription('created')
    const depth = 10_000
    const body = JSON.stringify({ ...event, extra: 'HERE' }).replace(
      '"HERE"',
      '['.repeat(depth) + ']'.repeat(depth),
    )
    await deliver(service, body)
    await service.settled()
    expect(await row()).toMatchObject({ credits_remaining: 500 })
  })
})
