import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { newCustomer } from './customers.ts'
import { startStripe } from './deliveries.ts'
import { MONTH, PRO, START, TEAMS } from './events.ts'

// A database that the version before filled: it stored of each subscription what it had made of the events.

let service: Service
beforeAll(async () => {
  service = await startStripe()
})
afterAll(() => service.stop())

const DAY = 86_400
const NEXT = START + MONTH

interface Former {
  id: string
  status: string
  price?: string
  tier?: 'pro' | 'teams'
  period?: number
  at?: number
  paid?: boolean
  begun?: boolean
}

/** Rows as the version before wrote them. */
const store = async (userId: number, subscriptions: Former[]): Promise<void> => {
  for (const one of subscriptions) {
    const {
      id,
      status,
      price = PRO,
      tier = 'pro',
      period = START,
      at = period + 1,
      paid = true,
      begun = true,
    } = one
    const pricing = { priceId: price, tier, start: period, end: period + MONTH }
    const newest = { at, eventId: `evt_former_${id}`, status, cancels: false, pricing }
    const facts = { newest, priced: newest, paidPeriod: paid ? pricing : null, paid, begun, adopted: null }
    await service.rows(
      `insert into subscriptions (id, user_id, status, price_id, current_period_end, last_event_at, facts)
       values ($1, $2, $3, $4, to_timestamp($5), to_timestamp($6), $7)`,
      id,
      userId,
      status,
      price,
      period + MONTH,
      at,
      facts,
    )
    await service.rows(
      `insert into credit_grants (user_id, grant_key, subscription_id, period_start, credits, granted_at)
       values ($1, $2, $3, to_timestamp($4), $5, to_timestamp($6))`,
      userId,
      `${id}:${period}:${tier}`,
      id,
      period,
      tier === 'pro' ? 500 : 2_000,
      at,
    )
    if (paid) {
      await service.rows(
        'insert into invoices (id, subscription_id, paid_at) values ($1, $2, to_timestamp($3))',
        `in_${id}_${period}`,
        id,
        at,
      )
    }
  }
}

const former = async (
  row: { tier: 'free' | 'pro' | 'teams'; status: string; credits: number },
  ...others: Omit<Former, 'id'>[]
) => {
  const one = await newCustomer(service, { ...row, subscription: 'sub' })
  await store(
    one.id,
    others.map((other, n) => ({ ...other, id: n === 0 ? `sub_${one.id}` : `sub_${n}_${one.id}` })),
  )
  return one
}

describe('a user that the version before knew', () => {
  test('keeps plan and credits, also when its last payment is reported once more', async () => {
    const one = await former({ tier: 'pro', status: 'active', credits: 320 }, { status: 'active' })
    const { subscription, invoice, send, spend, standing, mails } = one
    await send(subscription('updated', { at: START + DAY }))
    expect(await standing()).toEqual(['pro', 'active', 320])
    await spend(20)
    await send(
      invoice('payment_succeeded', { reason: 'subscription_create', at: START + 3 }),
      subscription('created', { status: 'incomplete', at: START }),
    )
    expect(await standing()).toEqual(['pro', 'active', 300])
    await send(invoice('paid', { period: NEXT }))
    expect(await standing()).toEqual(['pro', 'active', 500])
    expect(await mails()).toEqual([])
  })
  test('keeps the ledger that was written then', async () => {
    const { id, invoice, send, grants } = await former(
      { tier: 'pro', status: 'active', credits: 320 },
      { status: 'active' },
    )
    await send(invoice('paid', { period: NEXT }))
    expect(await grants()).toEqual([`sub_${id}:${START}:pro 500`, `sub_${id}:${NEXT}:pro 500`])
  })
  test('with two plans has the second when the first ends', async () => {
    const one = await former(
      { tier: 'teams', status: 'active', credits: 1_800 },
      { status: 'active', price: TEAMS, tier: 'teams' },
      { status: 'active', period: START + DAY },
    )
    const { id, subscription, invoice, send, standing } = one
    await send(subscription('updated', { price: TEAMS, at: START + DAY }))
    expect(await standing()).toEqual(['teams', 'active', 1_800])
    const second = { subscription: `sub_1_${id}`, period: START + DAY + MONTH }
    await send(invoice('paid', second))
    expect(await standing()).toEqual(['teams', 'active', 2_300])
    await send(subscription('deleted', { price: TEAMS, at: NEXT }))
    expect(await standing()).toEqual(['pro', 'active', 500])
  })
  test('that has ended stays ended, whatever comes late', async () => {
    const one = await former(
      { tier: 'free', status: 'canceled', credits: 0 },
      { status: 'canceled', at: NEXT },
    )
    await one.send(
      one.subscription('updated', { at: START + DAY }),
      one.invoice('paid', { period: START + 2 * MONTH }),
    )
    expect(await one.standing()).toEqual(['free', 'canceled', 0])
    expect(await one.mails()).toEqual([])
  })
  test('in arrears pays, and has the period', async () => {
    const one = await former({ tier: 'free', status: 'unpaid', credits: 120 }, { status: 'unpaid' })
    await one.send(
      one.invoice('paid', { period: NEXT, at: NEXT + DAY }),
      one.subscription('updated', { period: NEXT, at: NEXT + DAY, changed: { status: 'unpaid' } }),
    )
    expect(await one.standing()).toEqual(['pro', 'active', 500])
    expect(await one.mails()).toEqual([])
  })
  test('whose failing invoice it stored is past due until that is paid', async () => {
    const one = await former({ tier: 'pro', status: 'past_due', credits: 320 }, { status: 'active' })
    await service.rows(
      'insert into invoices (id, subscription_id, failed_at) values ($1, $2, to_timestamp($3))',
      `in_sub_${one.id}_${NEXT}`,
      `sub_${one.id}`,
      NEXT + 5,
    )
    await one.send(one.subscription('updated', { cancel: true, at: START + DAY }))
    expect(await one.standing()).toEqual(['pro', 'past_due', 320])
    await one.send(one.invoice('paid', { period: NEXT, at: NEXT + DAY }))
    expect(await one.standing()).toEqual(['pro', 'active', 500])
  })
  test('that began to sign up then gets plan, credits and the welcome now', async () => {
    const one = await former(
      { tier: 'free', status: 'incomplete', credits: 25 },
      { status: 'incomplete', paid: false, begun: false },
    )
    await one.send(one.invoice('paid', { reason: 'subscription_create', at: START + 60 }))
    expect(await one.standing()).toEqual(['pro', 'active', 500])
    expect(await one.mails()).toEqual(['welcome'])
  })
})
