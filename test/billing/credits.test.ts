import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Account, Row } from '../../src/billing/account.ts'
import { applyFact } from '../../src/billing/apply.ts'
import { openAccount } from '../../src/billing/before.ts'
import { derive } from '../../src/billing/derive.ts'
import type { Fact } from '../../src/billing/facts.ts'
import { ledgerOf } from '../../src/billing/ledger.ts'
import { propertyRuns } from '../property-runs.ts'
import { eventsOf, MONTH, PRO, START, type StripeJson, TEAMS } from '../providers/stripe/events.ts'
import { factOf } from './facts.ts'
import { eventsOfLives, lives, mixed, rowBefore } from './histories.ts'

const RUNS = propertyRuns(500)

const factsOf = (events: StripeJson[]): Fact[] => events.flatMap((event) => factOf(event) ?? [])
const applyAll = (account: Account, facts: Fact[]): Account =>
  facts.reduce((now, fact) => applyFact(now, fact).account, account)
/** Spends this number of credits, or what is left. */
const spend = (account: Account, credits: number): Account => {
  const left = Math.max(0, account.row.credits - credits)
  return { ...account, row: { ...account.row, credits: left } }
}
const ledger = (account: Account) =>
  ledgerOf(derive(account))
    .map(({ key, credits, at }) => `${key} ${credits} ${at}`)
    .sort()

test('without spending, the row and the ledger end the same in any order', () => {
  const plan = fc
    .tuple(rowBefore, lives)
    .map(([row, all]) => ({ row, facts: factsOf(eventsOfLives(1, all)) }))
    .filter(({ facts }) => facts.length > 0)
    .chain(({ row, facts }) => mixed(facts).map((again) => ({ row, facts, again })))
  fc.assert(
    fc.property(plan, ({ row, facts, again }) => {
      const [one, other] = [applyAll(openAccount(row), facts), applyAll(openAccount(row), again)]
      expect(other.row).toEqual(one.row)
      expect(ledger(other)).toEqual(ledger(one))
    }),
    { numRuns: RUNS },
  )
}, 600_000)

test('what was spent never comes back with what is known already, in any order', () => {
  const plan = fc
    .tuple(rowBefore, lives, fc.nat(3_000))
    .map(([row, all, spent]) => ({ row, spent, facts: factsOf(eventsOfLives(1, all)) }))
    .filter(({ facts }) => facts.length > 0)
    .chain(({ row, spent, facts }) => mixed(facts).map((again) => ({ row, spent, facts, again })))
  fc.assert(
    fc.property(plan, ({ row, spent, facts, again }) => {
      const before = spend(applyAll(openAccount(row), facts), spent)
      expect(applyAll(before, again).row).toEqual(before.row)
    }),
    { numRuns: RUNS },
  )
}, 600_000)

const NEW: Row = {
  tier: 'free',
  credits: 0,
  subscriptionId: null,
  status: null,
  periodEnd: null,
  cancels: false,
}
const ADOPTED: Row = { ...NEW, tier: 'pro', credits: 320, subscriptionId: 'sub_1', status: 'active' }

const { subscription, invoice } = eventsOf(1)
const MINUTE = 60

/** What costs nothing: trials, abandoned checkouts, unpaid upgrades, flags, pauses. Each is a list of events. */
const FREE: Record<string, (n: number, at: number) => StripeJson[]> = {
  'a trial comes': (n, at) => [
    subscription('created', { id: `sub_t${n}`, status: 'trialing', period: at, at }),
  ],
  'a trial of Teams comes and goes': (n, at) => [
    subscription('created', { id: `sub_u${n}`, status: 'trialing', price: TEAMS, period: at, at }),
    subscription('deleted', { id: `sub_u${n}`, price: TEAMS, period: at, at: at + 1 }),
  ],
  'a checkout is abandoned': (n, at) => [
    subscription('created', { id: `sub_c${n}`, status: 'incomplete', price: TEAMS, period: at, at }),
    invoice('payment_failed', { subscription: `sub_c${n}`, reason: 'subscription_create', price: TEAMS, at }),
    subscription('updated', { id: `sub_c${n}`, status: 'incomplete_expired', price: TEAMS, at: at + 1 }),
  ],
  'one is invoiced, and not paid': (n, at) => [
    subscription('created', { id: `sub_i${n}`, sendsInvoice: true, price: TEAMS, period: at, at }),
  ],
  'the plan goes up': (_, at) => [subscription('updated', { price: TEAMS, previous: PRO, at })],
  'the plan goes down': (_, at) => [subscription('updated', { price: PRO, previous: TEAMS, at })],
  'an upgrade is declined': (n, at) => [
    subscription('updated', {
      price: TEAMS,
      status: 'past_due',
      changed: { status: 'active', prices: [PRO] },
      at,
    }),
    invoice('payment_failed', {
      id: `in_d${n}`,
      reason: 'subscription_update',
      price: TEAMS,
      period: at,
      at,
    }),
    subscription('updated', { changed: { status: 'past_due', prices: [TEAMS] }, at: at + 1 }),
  ],
  'it is paused and resumed': (_, at) => [
    subscription('updated', { status: 'paused', changed: { status: 'active' }, at }),
    subscription('updated', { changed: { status: 'paused' }, at: at + 1 }),
  ],
  'it will be cancelled, and will not': (_, at) => [
    subscription('updated', { cancel: true, changed: { cancel: false }, at }),
    subscription('updated', { changed: { cancel: true }, at }),
  ],
  'an invoice is made by hand and paid': (n, at) => [
    invoice('paid', { id: `in_h${n}`, reason: 'manual', price: TEAMS, period: at, at }),
  ],
}

test('nothing but a payment, the first trial and one upgrade of a period gives credits, however they are spent', () => {
  const steps = fc.array(
    fc.record({
      action: fc.constantFrom(...Object.keys(FREE)),
      spent: fc.constantFrom(0, 10, 400, 5_000),
      again: fc.boolean(),
    }),
    { minLength: 1, maxLength: 15 },
  )
  fc.assert(
    fc.property(steps, fc.boolean(), (all, isAdopted) => {
      const [first] = factsOf([subscription(isAdopted ? 'updated' : 'created', { at: START })])
      if (first === undefined) throw new Error('no fact')
      let account = applyAll(openAccount(isAdopted ? ADOPTED : NEW), [first])
      const given = account.row.credits
      const known = [first]
      let total = 0
      for (const [n, { action, spent, again }] of all.entries()) {
        const facts = factsOf(FREE[action]?.(n, START + (n + 1) * MINUTE) ?? [])
        account = applyAll(account, facts)
        known.push(...facts)
        const spending = Math.min(spent, account.row.credits)
        account = spend(account, spending)
        total += spending
        if (again) account = applyAll(account, known.toReversed())
        // The first trial may be of Teams; an upgrade adds what Teams has more than Pro. Of an adopted plan it has to
        // be paid for.
        const most = given + 2_000 + (isAdopted ? 0 : 1_500)
        expect(total + account.row.credits).toBeLessThanOrEqual(most)
      }
    }),
    { numRuns: RUNS },
  )
}, 600_000)

test('a payment of the next period gives its tier’s credits whatever was spent, and no more', () => {
  fc.assert(
    fc.property(fc.constantFrom(PRO, TEAMS), fc.nat(2_500), fc.nat(2_500), (price, spent, late) => {
      const [created, renewed, paid] = factsOf([
        subscription('created', { price }),
        subscription('updated', { price, period: START + MONTH }),
        invoice('paid', { price, period: START + MONTH }),
      ]) as [Fact, Fact, Fact]
      const full = price === PRO ? 500 : 2_000
      let account = spend(applyAll(openAccount(NEW), [created]), spent)
      account = applyAll(account, [renewed])
      expect(account.row.credits).toBe(Math.max(0, full - spent))
      account = applyAll(account, [paid])
      expect(account.row.credits).toBe(full)
      account = applyAll(spend(account, late), [paid, renewed, created])
      expect(account.row.credits).toBe(Math.max(0, full - late))
    }),
  )
})
