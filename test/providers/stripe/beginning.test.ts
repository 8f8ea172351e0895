import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { type GivenRow, newCustomer } from './customers.ts'
import { startStripe } from './deliveries.ts'
import { MONTH, PRO, START, TEAMS } from './events.ts'

let service: Service
beforeAll(async () => {
  service = await startStripe()
})
afterAll(() => service.stop())

const customer = (given?: GivenRow) => newCustomer(service, given)
const DAY = 86_400
const NEXT = START + MONTH

describe('a subscription that never began takes nothing and mails nothing', () => {
  const abandoned = ({ subscription, invoice }: Awaited<ReturnType<typeof customer>>, id: string) => [
    subscription('created', { id, status: 'incomplete', price: TEAMS }),
    invoice('payment_failed', { subscription: id, reason: 'subscription_create', price: TEAMS }),
    subscription('updated', { id, status: 'incomplete_expired', price: TEAMS, at: START + 82_800 }),
  ]
  test('of a free user whose card is declined at sign-up', async () => {
    for (const ending of ['expired', 'deleted']) {
      const one = await customer({ credits: 25 })
      const events = abandoned(one, `sub_${one.id}`)
      if (ending === 'deleted') events[2] = one.subscription('deleted', { price: TEAMS, at: START + 60 })
      for (const event of events) {
        await one.send(event)
        expect((await one.row()).credits_remaining).toBe(25)
        expect((await one.row()).subscription_tier).toBe('free')
      }
      expect(await one.told()).toEqual([])
    }
  })
  test('whatever the order', async () => {
    const one = await customer({ credits: 25 })
    await one.send(...abandoned(one, `sub_${one.id}`).reverse())
    expect(await one.standing()).toEqual(['free', 'incomplete_expired', 25])
    expect(await one.told()).toEqual([])
  })
  test('with 3-D Secure, which fails seconds before it is paid: the welcome alone is sent', async () => {
    const { subscription, invoice, send, standing, mails } = await customer({ credits: 25 })
    await send(
      subscription('created', { status: 'incomplete' }),
      invoice('payment_failed', { reason: 'subscription_create', at: START + 2 }),
      invoice('paid', { reason: 'subscription_create', at: START + 30 }),
      subscription('updated', { changed: { status: 'incomplete' }, at: START + 30 }),
    )
    expect(await standing()).toEqual(['pro', 'active', 500])
    expect(await mails()).toEqual(['welcome'])
  })
  test('of a paying user who abandons a second checkout', async () => {
    const one = await customer()
    await one.send(one.subscription('created'))
    await one.spend(200)
    await one.send(...abandoned(one, `sub_b_${one.id}`))
    expect(await one.standing()).toEqual(['pro', 'active', 300])
    expect((await one.row()).stripe_subscription_id).toBe(`sub_${one.id}`)
    expect(await one.mails()).toEqual(['welcome'])
  })
  test('of one that had a subscription, and whose next is declined', async () => {
    const one = await customer()
    await one.send(one.subscription('created'), one.subscription('deleted', { at: START + DAY }))
    await one.send(...abandoned(one, `sub_b_${one.id}`))
    // One that has begun is shown before one that has not.
    expect(await one.row()).toMatchObject({
      stripe_subscription_id: `sub_${one.id}`,
      subscription_status: 'canceled',
    })
    expect(await one.mails()).toEqual(['welcome', 'subscription-ended'])
  })
})

describe('a failed payment of a subscription that has begun', () => {
  test('is reported, for good when no attempt is planned', async () => {
    const { subscription, invoice, send, mails, told } = await customer()
    const failed = { period: NEXT, at: NEXT + 5 }
    await send(
      subscription('created'),
      invoice('payment_failed', { ...failed, nextAttempt: NEXT + DAY }),
      invoice('payment_failed', { ...failed, attempts: 4, at: NEXT + 4 * DAY }),
    )
    expect(await mails()).toEqual(['welcome', 'payment-failed', 'payment-failed-final'])
    // Three e-mails, two pushes, one alert.
    expect((await told()).filter(({ channel }) => channel === 'billing')).not.toEqual([])
  })
  test('is known by a renewal alone', async () => {
    const { invoice, send, mails } = await customer()
    await send(invoice('payment_failed', { period: NEXT, nextAttempt: NEXT + DAY }))
    expect(await mails()).toEqual(['payment-failed'])
  })
  test.each(['voided', 'marked_uncollectible'] as const)('fails no more once it is %s', async (end) => {
    const { subscription, invoice, send, standing, mails } = await customer()
    const failed = invoice('payment_failed', { period: NEXT, nextAttempt: NEXT + DAY, at: NEXT + 5 })
    const closed = invoice(end, { period: NEXT, at: NEXT + DAY })
    await send(subscription('created'), failed)
    expect(await standing()).toEqual(['pro', 'past_due', 500])
    await send(closed)
    expect(await standing()).toEqual(['pro', 'active', 500])
    expect(await mails()).toEqual(['welcome', 'payment-failed'])

    const other = await customer()
    await other.send(
      other.subscription('created'),
      other.invoice(end, { period: NEXT, at: NEXT + DAY }),
      other.invoice('payment_failed', { period: NEXT, nextAttempt: NEXT + DAY, at: NEXT + 5 }),
    )
    expect(await other.standing()).toEqual(['pro', 'active', 500])
    expect(await other.mails()).toEqual(['welcome'])
  })
  test('that is uncollectible can be paid after all', async () => {
    const { subscription, invoice, send, standing } = await customer()
    await send(
      subscription('created'),
      invoice('payment_failed', { period: NEXT }),
      invoice('marked_uncollectible', { period: NEXT, at: NEXT + DAY }),
      invoice('paid', { period: NEXT, at: NEXT + 9 * DAY }),
    )
    expect(await standing()).toEqual(['pro', 'active', 500])
  })
})

describe('the order within a second', () => {
  test('is that of the chain of previous attributes: a flag set and taken back, in any order of arrival', async () => {
    const at = START + 50
    for (const last of [true, false]) {
      for (const reversed of [false, true]) {
        const { id, subscription, send, row } = await customer()
        const flip = (cancel: boolean, eventId: string) =>
          subscription('updated', { cancel, changed: { cancel: !cancel }, at, eventId: `${eventId}_${id}` })
        await send(subscription('created', { cancel: last }))
        const events = [flip(!last, 'evt_z'), flip(last, 'evt_a')]
        await send(...(reversed ? events.reverse() : events))
        expect(await row()).toMatchObject({ cancel_at_period_end: last })
      }
    }
  })
  test('of three changes, of different fields', async () => {
    const { id, subscription, send, row } = await customer()
    const at = START + 50
    const events = [
      subscription('updated', { cancel: true, changed: { cancel: false }, at, eventId: `evt_c_${id}` }),
      subscription('updated', {
        cancel: true,
        price: TEAMS,
        changed: { prices: [PRO] },
        at,
        eventId: `evt_b_${id}`,
      }),
      subscription('updated', { price: TEAMS, changed: { cancel: true }, at, eventId: `evt_a_${id}` }),
    ]
    await send(subscription('created'), ...events.toReversed())
    expect(await row()).toMatchObject({ cancel_at_period_end: false, subscription_tier: 'teams' })
  })
  test('without a chain it is the later stage', async () => {
    const { id, subscription, send, standing } = await customer()
    const at = START + 50
    await send(
      subscription('updated', { status: 'unpaid', at, eventId: `evt_a_${id}` }),
      subscription('updated', { status: 'active', at, eventId: `evt_b_${id}` }),
    )
    expect((await standing())[1]).toBe('unpaid')
  })
})

describe('a user from before', () => {
  test.each([{ subscription: 'sub' }, {}])(
    'keeps plan and credits through an abandoned checkout (%o)',
    async (named) => {
      const { id, subscription, send, row, told } = await customer({ tier: 'pro', credits: 320, ...named })
      const checkout = { id: `sub_b_${id}`, price: TEAMS }
      await send(
        subscription('created', { ...checkout, status: 'incomplete' }),
        subscription('updated', { ...checkout, status: 'incomplete_expired', at: START + 82_800 }),
      )
      expect(await row()).toMatchObject({ subscription_tier: 'pro', credits_remaining: 320 })
      expect(await told()).toEqual([])
    },
  )
  test.each([{ subscription: 'sub' }, {}])(
    'is not welcomed by a renewal, a card change or a failure (%o)',
    async (named) => {
      const given = { tier: 'pro', credits: 320, ...named } as const
      const [renewed, changed, failed] = [await customer(given), await customer(given), await customer(given)]
      await renewed.send(
        renewed.invoice('paid', { period: NEXT }),
        renewed.subscription('updated', { period: NEXT }),
      )
      expect(await renewed.standing()).toEqual(['pro', 'active', 500])
      expect(await renewed.mails()).toEqual([])
      await changed.send(changed.subscription('updated', { at: START + DAY }))
      expect(await changed.standing()).toEqual(['pro', 'active', 320])
      expect(await changed.mails()).toEqual([])
      await failed.send(failed.invoice('payment_failed', { period: NEXT, nextAttempt: NEXT + DAY }))
      expect((await failed.row()).credits_remaining).toBe(320)
      expect(await failed.mails()).toEqual(['payment-failed'])
    },
  )
  test('survives the late end of an older subscription', async () => {
    const { id, subscription, send, standing, told } = await customer({
      tier: 'pro',
      credits: 320,
      subscription: 'sub',
    })
    await send(subscription('deleted', { id: `sub_old_${id}`, price: TEAMS, at: START + DAY }))
    expect((await standing())[0]).toBe('pro')
    expect((await standing())[2]).toBe(320)
    expect(await told()).toEqual([])
  })
  test('loses plan and credits with the end of its own, and gets the e-mail', async () => {
    for (const named of [{ subscription: 'sub' }, {}]) {
      const { subscription, send, standing, mails } = await customer({ tier: 'pro', credits: 320, ...named })
      await send(
        subscription('updated', { at: START + DAY }),
        subscription('deleted', { at: START + 2 * DAY }),
      )
      expect(await standing()).toEqual(['free', 'canceled', 0])
      expect(await mails()).toEqual(['subscription-ended'])
    }
  })
  test('has what it had more than its plan gives as added, until the next period', async () => {
    const { subscription, invoice, send, spend, standing } = await customer({
      tier: 'pro',
      credits: 700,
      subscription: 'sub',
    })
    await send(subscription('updated', { at: START + DAY }))
    await spend(550)
    await send(subscription('updated', { at: START + 2 * DAY }))
    expect(await standing()).toEqual(['pro', 'active', 150])
    await send(invoice('paid', { period: NEXT }))
    expect(await standing()).toEqual(['pro', 'active', 500])
  })
  test('is upgraded by a payment, with what it had spent', async () => {
    const { id, subscription, invoice, send, standing } = await customer({
      tier: 'pro',
      credits: 320,
      subscription: 'sub',
    })
    const at = START + DAY
    await send(subscription('updated', { price: TEAMS, previous: PRO, at }))
    expect(await standing()).toEqual(['teams', 'active', 320])
    const lines = [{ price: TEAMS, start: at, end: NEXT, amount: 900, proration: true }]
    await send(invoice('paid', { id: `in_up_${id}`, reason: 'subscription_update', lines, at }))
    expect(await standing()).toEqual(['teams', 'active', 2_000 - 180])
  })
  test.each([{ subscription: 'sub' }, {}])('also counts as one with an empty status (%o)', async (named) => {
    const given = { tier: 'pro', credits: 320, status: '', ...named } as const
    const [renewed, changed] = [await customer(given), await customer(given)]
    await renewed.send(renewed.invoice('paid', { period: NEXT }))
    expect(await renewed.standing()).toEqual(['pro', 'active', 500])
    await changed.send(changed.subscription('updated', { at: START + DAY }))
    expect(await changed.standing()).toEqual(['pro', 'active', 320])
    expect([...(await renewed.mails()), ...(await changed.mails())]).toEqual([])
  })
  test('also counts as one when the row names an empty subscription', async () => {
    const given = { tier: 'pro', credits: 320 } as const
    const [renewed, ended] = [await customer(given), await customer(given)]
    await service.rows(
      `update users set stripe_subscription_id = '' where id in ($1, $2)`,
      renewed.id,
      ended.id,
    )
    await renewed.send(renewed.invoice('paid', { period: NEXT }))
    expect(await renewed.standing()).toEqual(['pro', 'active', 500])
    await ended.send(
      ended.subscription('updated', { at: START + DAY }),
      ended.subscription('deleted', { at: START + 2 * DAY }),
    )
    expect(await ended.standing()).toEqual(['free', 'canceled', 0])
    expect([...(await renewed.mails()), ...(await ended.mails())]).toEqual(['subscription-ended'])
  })
  test('has no subscription from before when its status says that it gave no access', async () => {
    const { subscription, send, standing, mails } = await customer({
      tier: 'pro',
      credits: 320,
      status: 'canceled',
    })
    await send(subscription('created'))
    expect(await standing()).toEqual(['pro', 'active', 500])
    expect(await mails()).toEqual(['welcome'])
  })
})
