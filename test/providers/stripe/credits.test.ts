import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { type GivenRow, newCustomer } from './customers.ts'
import { startStripe } from './deliveries.ts'
import { GENERATIONS, type Generation, MONTH, OTHER, PRO, PRO_YEARLY, START, TEAMS } from './events.ts'

let service: Service
beforeAll(async () => {
  service = await startStripe()
})
afterAll(() => service.stop())

const customer = (given?: GivenRow, generation?: Generation) => newCustomer(service, given, generation)
const DAY = 86_400
const NEXT = START + MONTH

describe('credits that were spent do not come back', () => {
  test('when a trial comes and goes beside a paid plan, however often', async () => {
    const { id, subscription, send, spend, credits, standing } = await customer()
    await send(subscription('created', { price: TEAMS }))
    await spend(2_000)
    for (const n of [1, 2, 3]) {
      const trial = { id: `sub_b${n}_${id}`, period: START + n * DAY }
      await send(subscription('created', { ...trial, status: 'trialing' }))
      // Only the first trial has a lot.
      expect(await credits()).toBe(n === 1 ? 500 : 0)
      await send(subscription('deleted', { ...trial, at: START + n * DAY + 60 }))
      expect(await standing()).toEqual(['teams', 'active', 0])
    }
  })
  test('when a second plan is bought and ended on the same day', async () => {
    const { id, subscription, send, spend, credits } = await customer()
    await send(subscription('created'))
    await spend(500)
    const second = { id: `sub_b_${id}`, price: TEAMS, period: START + 60 }
    await send(subscription('created', second))
    expect(await credits()).toBe(2_000)
    await send(subscription('deleted', { ...second, at: START + 3_600 }))
    expect(await credits()).toBe(0)
  })
  test('of a user from before, when a trial comes and goes', async () => {
    for (const named of ['sub', undefined]) {
      const one = await customer({ tier: 'pro', credits: 320, ...(named && { subscription: named }) })
      const { id, subscription, send, spend, standing } = one
      await send(subscription('updated', { at: START }))
      await spend(320)
      const trial = { id: `sub_b_${id}`, period: START + DAY }
      await send(subscription('created', { ...trial, status: 'trialing' }))
      await send(subscription('deleted', { ...trial, at: START + 2 * DAY }))
      expect(await standing()).toEqual(['pro', 'active', 0])
    }
  })
  test('when a flag is set, a card fails, a plan is changed and changed back', async () => {
    const { subscription, invoice, send, spend, credits } = await customer()
    await send(subscription('created'))
    await spend(450)
    await send(
      subscription('updated', { cancel: true, changed: { cancel: false }, at: START + 10 }),
      subscription('updated', { price: TEAMS, previous: PRO, at: START + 20 }),
      subscription('updated', { price: PRO, previous: TEAMS, at: START + 30 }),
      invoice('payment_succeeded', { reason: 'subscription_create' }),
      subscription('updated', { status: 'paused', changed: { status: 'active' }, at: START + 40 }),
      subscription('updated', { changed: { status: 'paused' }, at: START + 50 }),
    )
    expect(await credits()).toBe(50)
  })
  test('and what is spent between two upgrades stays spent', async () => {
    const { subscription, send, spend, credits } = await customer()
    await send(subscription('created'))
    for (const n of [1, 2, 3]) {
      await send(subscription('updated', { price: TEAMS, previous: PRO, at: START + n * 100 }))
      if (n === 1) await spend(900)
      expect(await credits()).toBe(1_100)
      await send(subscription('updated', { price: PRO, previous: TEAMS, at: START + n * 100 + 50 }))
      expect(await credits()).toBe(0)
    }
  })
})

describe('every subscription has a lot of its own', () => {
  test('so a second plan adds to what is left of the first', async () => {
    const { id, subscription, invoice, send, spend, credits } = await customer()
    await send(subscription('created', { price: TEAMS }))
    await spend(100)
    const pro = { id: `sub_b_${id}`, period: START + 10 * DAY }
    await send(subscription('created', pro))
    expect(await credits()).toBe(2_400)
    // Its renewal touches its own lot only.
    await send(invoice('paid', { subscription: pro.id, period: pro.period + MONTH }))
    expect(await credits()).toBe(2_400)
    await spend(600)
    await send(invoice('paid', { subscription: pro.id, period: pro.period + 2 * MONTH }))
    // Teams' period ends first, so all 600 were taken from its lot.
    expect(await credits()).toBe(1_300 + 500)
  })
  test('and loses only that one when it ends, is paused or unpaid', async () => {
    const { id, subscription, send, credits } = await customer()
    const second = { id: `sub_b_${id}`, period: START + DAY, price: TEAMS }
    await send(subscription('created'), subscription('created', second))
    expect(await credits()).toBe(2_500)
    await send(
      subscription('updated', {
        ...second,
        status: 'unpaid',
        changed: { status: 'active' },
        at: START + 2 * DAY,
      }),
    )
    expect(await credits()).toBe(500)
    await send(subscription('updated', { ...second, changed: { status: 'unpaid' }, at: START + 3 * DAY }))
    expect(await credits()).toBe(2_500)
    await send(subscription('deleted', { at: START + 4 * DAY }))
    expect(await credits()).toBe(2_000)
  })
  test('what is spent comes from the period that ends first, even if it was opened last', async () => {
    const { id, subscription, send, spend, credits } = await customer()
    const short = { id: `sub_b_${id}`, period: START + DAY, end: START + 3 * DAY }
    await send(subscription('created', { price: TEAMS }), subscription('created', short))
    await spend(300)
    await send(subscription('deleted', { ...short, at: START + 2 * DAY }))
    expect(await credits()).toBe(2_000)
  })
  test('what other services added stays until a later period opens, and is spent last', async () => {
    const { subscription, invoice, send, spend, credits } = await customer({ credits: 25 })
    await send(subscription('created', { status: 'incomplete' }))
    expect(await credits()).toBe(25)
    await send(invoice('paid', { reason: 'subscription_create' }))
    expect(await credits()).toBe(500)
    await spend(-40)
    await send(subscription('updated', { at: START + 10 }))
    expect(await credits()).toBe(540)
    await spend(510)
    await send(subscription('updated', { at: START + 20 }))
    expect(await credits()).toBe(30)
    await send(invoice('paid', { period: NEXT }))
    expect(await credits()).toBe(500)
  })
})

for (const generation of GENERATIONS) {
  describe(`an upgrade counts when it is paid (${generation} payloads)`, () => {
    const upgraded = async () => {
      const one = await customer({}, generation)
      await one.send(one.subscription('created'))
      await one.spend(100)
      return one
    }
    const prorations = (at: number) => [
      { price: PRO, start: at, end: NEXT, amount: -3_000, proration: true },
      { price: TEAMS, start: at, end: NEXT, amount: 9_000, proration: true },
    ]
    test('a declined one gives nothing', async () => {
      const { id, subscription, invoice, send, credits } = await upgraded()
      const at = START + DAY
      const change = { price: TEAMS, status: 'past_due', changed: { status: 'active', prices: [PRO] }, at }
      const bill = { id: `in_up_${id}`, reason: 'subscription_update', lines: prorations(at), at }
      await send(subscription('updated', change), invoice('payment_failed', bill))
      expect(await credits()).toBe(400)
      await send(
        invoice('paid', { ...bill, at: at + 60 }),
        subscription('updated', { price: TEAMS, changed: { status: 'past_due' }, at: at + 60 }),
      )
      expect(await credits()).toBe(1_900)
    })
    test('a declined one with a new period gives nothing until it is paid', async () => {
      const { id, subscription, invoice, send, credits } = await upgraded()
      const period = START + DAY
      const bill = { id: `in_up_${id}`, reason: 'subscription_update', price: TEAMS, period }
      await send(
        subscription('updated', {
          price: TEAMS,
          period,
          status: 'past_due',
          changed: { status: 'active', prices: [PRO] },
        }),
        invoice('payment_failed', bill),
      )
      expect(await credits()).toBe(400)
      await send(invoice('paid', { ...bill, at: period + 60 }))
      expect(await credits()).toBe(2_000)
    })
    test('by a schedule, whose renewal fails, it gives nothing until it is paid', async () => {
      const { subscription, invoice, send, credits } = await upgraded()
      const renewal = { price: TEAMS, period: NEXT }
      await send(
        subscription('updated', { ...renewal, changed: { prices: [PRO] }, at: NEXT }),
        invoice('payment_failed', { ...renewal, nextAttempt: NEXT + DAY, at: NEXT + 3_600 }),
        subscription('updated', {
          ...renewal,
          status: 'past_due',
          changed: { status: 'active' },
          at: NEXT + 3_600,
        }),
      )
      expect(await credits()).toBe(400)
      await send(invoice('paid', { ...renewal, at: NEXT + DAY }))
      expect(await credits()).toBe(2_000)
    })
    test('of an unpaid, a paused or an ended subscription it gives nothing', async () => {
      for (const status of ['unpaid', 'paused', 'past_due', 'canceled']) {
        const { subscription, send, grants, standing } = await upgraded()
        await send(
          subscription('updated', { status, changed: { status: 'active' }, at: START + 10 }),
          subscription('updated', { status, price: TEAMS, changed: { prices: [PRO] }, at: START + 20 }),
        )
        expect(await grants()).toHaveLength(1)
        expect((await standing())[2]).toBe(status === 'past_due' ? 400 : 0)
      }
    })
    test('what it gave at once is taken back when it is undone before it is invoiced', async () => {
      const { subscription, send, credits } = await upgraded()
      await send(subscription('updated', { price: TEAMS, previous: PRO, at: START + DAY }))
      expect(await credits()).toBe(1_900)
      await send(subscription('updated', { price: PRO, previous: TEAMS, at: START + 2 * DAY }))
      expect(await credits()).toBe(400)
    })
    test('once paid it stays until the next period, also when it is undone', async () => {
      const { id, subscription, invoice, send, credits } = await upgraded()
      await send(
        subscription('updated', { price: TEAMS, previous: PRO, at: START + DAY }),
        invoice('paid', {
          id: `in_up_${id}`,
          reason: 'subscription_update',
          lines: prorations(START + DAY),
          at: START + DAY,
        }),
        subscription('updated', { price: PRO, previous: TEAMS, at: START + 2 * DAY }),
      )
      expect(await credits()).toBe(1_900)
      await send(invoice('paid', { period: NEXT }))
      expect(await credits()).toBe(500)
    })
    test('a renewal that only shows another item is no upgrade', async () => {
      const { subscription, invoice, send, spend, credits } = await customer({}, generation)
      const items = [{ price: TEAMS }, { price: PRO }]
      await send(subscription('created', { items }))
      await spend(700)
      await send(
        subscription('updated', { items, period: NEXT, changed: { prices: [TEAMS, PRO] }, at: NEXT }),
      )
      expect(await credits()).toBe(1_300)
      const lines = [TEAMS, PRO].map((price) => ({ price, start: NEXT, end: NEXT + MONTH }))
      await send(invoice('paid', { period: NEXT, lines }))
      expect(await credits()).toBe(2_000)
    })
  })

  describe(`a period is opened by its payment (${generation} payloads)`, () => {
    test('not by a created subscription that is invoiced', async () => {
      const { subscription, invoice, send, standing } = await customer({}, generation)
      await send(subscription('created', { sendsInvoice: true }))
      expect(await standing()).toEqual(['pro', 'active', 0])
      await send(
        subscription('updated', {
          sendsInvoice: true,
          status: 'past_due',
          changed: { status: 'active' },
          at: START + DAY,
        }),
      )
      expect(await standing()).toEqual(['pro', 'past_due', 0])
      await send(invoice('paid', { reason: 'subscription_create', at: START + 2 * DAY }))
      expect((await standing())[2]).toBe(500)
    })
    test('also when the first invoice has a prorated line alone', async () => {
      const { subscription, invoice, send, credits, grants, id } = await customer({}, generation)
      const end = START + 9 * DAY
      const lines = [{ price: PRO, start: START, end, proration: true }]
      const paid = invoice('paid', { reason: 'subscription_create', lines, periodEnd: START })
      // Whichever comes first.
      await send(paid)
      expect(await credits()).toBe(0)
      await send(
        subscription('created', { status: 'incomplete', end }),
        subscription('updated', { end, at: START + 5 }),
      )
      expect(await credits()).toBe(500)
      expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`])
    })
    test('also when ten prorations leave no room for its line', async () => {
      const { subscription, invoice, send, spend, credits } = await customer({}, generation)
      await send(subscription('created', { price: TEAMS }))
      await spend(1_500)
      const lines = Array.from({ length: 10 }, (_, n) => ({
        price: n % 2 ? PRO : TEAMS,
        start: START + n * DAY,
        end: NEXT,
        amount: n % 2 ? -500 : 700,
        proration: true,
      }))
      await send(
        subscription('updated', { price: TEAMS, period: NEXT, changed: {}, at: NEXT }),
        invoice('paid', { period: NEXT, lines, cut: true, at: NEXT + 3_600 }),
      )
      expect(await credits()).toBe(2_000)
    })
    test('also when a new billing anchor, or the end of a trial, begins it at once', async () => {
      const { id, subscription, invoice, send, spend, credits } = await customer({}, generation)
      await send(subscription('created', { status: 'trialing' }))
      await spend(480)
      const period = START + 5 * DAY
      const bill = { id: `in_anchor_${id}`, reason: 'subscription_update', period }
      await send(
        subscription('updated', { period, changed: { status: 'trialing' }, at: period }),
        invoice('paid', bill),
        invoice('payment_succeeded', bill),
      )
      expect(await credits()).toBe(500)
    })
    test('also by a downgrade with a new anchor', async () => {
      const { id, subscription, invoice, send, credits } = await customer({}, generation)
      await send(subscription('created', { price: TEAMS }))
      const period = START + 5 * DAY
      const lines = [
        { price: TEAMS, start: period, end: NEXT, amount: -8_000, proration: true },
        { price: PRO, start: period, end: period + MONTH },
      ]
      await send(
        subscription('updated', { period, changed: { prices: [TEAMS] }, at: period }),
        invoice('paid', { id: `in_down_${id}`, reason: 'subscription_update', period, lines }),
      )
      expect(await credits()).toBe(500)
    })
    test('not by an invoice that a person made', async () => {
      const { id, subscription, invoice, send, spend, credits, mails } = await customer({}, generation)
      await send(subscription('created'))
      await spend(200)
      const manual = { reason: 'manual', period: START + DAY }
      await send(
        invoice('paid', { ...manual, id: `in_m_${id}` }),
        invoice('paid', { ...manual, id: `in_n_${id}`, subscription: null }),
        invoice('payment_failed', { ...manual, id: `in_o_${id}`, subscription: null }),
      )
      expect(await credits()).toBe(300)
      expect(await mails()).toEqual(['welcome'])
    })
  })
}

describe('price lists', () => {
  test('a yearly price of the list is the same tier, and the period end follows the change', async () => {
    const { id, subscription, invoice, send, spend, row, subscriptionRow } = await customer()
    await send(subscription('created'))
    await spend(77)
    const period = START + 3 * DAY
    const end = period + 365 * DAY
    await send(
      subscription('updated', { price: PRO_YEARLY, period, end, changed: { prices: [PRO] }, at: period }),
      invoice('paid', { id: `in_year_${id}`, reason: 'subscription_update', price: PRO_YEARLY, period, end }),
    )
    expect(await row()).toMatchObject({
      subscription_tier: 'pro',
      credits_remaining: 500,
      current_period_end: new Date(end * 1_000),
    })
    expect(await subscriptionRow()).toMatchObject({ price_id: PRO_YEARLY })
  })
  test('a paid price that no tier knows changes nothing, alerts billing once a day, and can be replayed', async () => {
    const { subscription, invoice, send, spend, credits, eventRow } = await customer()
    await send(subscription('created'))
    await spend(100)
    const paid = invoice('paid', { price: OTHER, period: NEXT })
    await send(paid, invoice('payment_succeeded', { price: OTHER, period: NEXT }))
    expect(await credits()).toBe(400)
    expect(await eventRow(paid.id)).toMatchObject({
      status: 'processed',
      misunderstood: expect.stringContaining(OTHER),
    })
    const alerts = await service.rows(
      `select data -> 'data' as data from pgboss.job where name = 'notify-slack' and data ->> 'key' like '%unknown_price%'`,
    )
    expect(alerts).toMatchObject([{ data: { channel: 'billing', text: expect.stringContaining(OTHER) } }])
    // It names one runbook, and nothing after it.
    const text = String(alerts.map(({ data }) => (data as { text: string }).text))
    expect(text.match(/docs\/runbooks\/[\w-]+\.md/g)).toEqual(['docs/runbooks/unknown-price.md'])
    expect(text).toMatch(/https:\S+\.md$/)
  })
})
