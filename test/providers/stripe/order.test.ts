import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applyEvent } from '../../../src/providers/stripe/apply.ts'
import type { Account } from '../../../src/providers/stripe/facts.ts'
import { isHandled, readPayload, type StripeEvent } from '../../../src/providers/stripe/payload.ts'
import { allowanceOf, hasEnded } from '../../../src/providers/stripe/standing.ts'
import { pricesOf } from '../../../src/providers/stripe/tiers.ts'
import type { Service } from '../../service.ts'
import { deliver, domainRows, seedUser, startStripe, stripeEnv } from './deliveries.ts'
import type { StripeJson } from './events.ts'
import { eventsOfLife, type Life, life } from './lives.ts'

const lives = fc.array(life, { minLength: 1, maxLength: 2 })
const eventsOfLives = (user: number, all: Life[]): StripeJson[] =>
  all.flatMap((one, n) => eventsOfLife(user, `sub_${user}_${'ab'[n]}`, one))
/** The same events in another order, some of them more than once. */
const mixed = <Event>(events: Event[]) =>
  fc.record({
    events: fc.constant(events),
    again: fc.shuffledSubarray([...events, ...events], { minLength: 0 }).chain((some) => {
      const missing = events.filter((event) => !some.includes(event))
      return fc.shuffledSubarray([...some, ...missing], { minLength: some.length + missing.length })
    }),
  })

const read = ({ id: eventId, type, ...payload }: StripeJson): StripeEvent => {
  const event = isHandled(type)
    ? readPayload(type, { eventId, payload: JSON.parse(JSON.stringify(payload)), receivedAt: new Date(0) })
    : undefined
  if (event === undefined) throw new Error(`unreadable: ${eventId}`)
  return event
}

/** What a new user has before anything is paid. */
const GIFT = 7

/** What all that is known of a user comes to, after these events in this order. */
const outcome = (events: StripeEvent[]) => {
  const account: Account = {
    userId: '1',
    email: 'user1@example.com',
    shown: { subscriptionId: null, tier: 'free', status: null, periodEnd: null, cancels: false },
    credits: GIFT,
    subscriptions: new Map(),
    invoices: new Map(),
    grants: [],
  }
  const context = { prices: pricesOf(stripeEnv), log: () => {}, notify: () => {} }
  for (const event of events) applyEvent(event, account, context)
  return {
    ...account,
    grants: new Set(account.grants.map(({ key }) => key)),
    allowance: allowanceOf(account),
  }
}

test('any order and duplication of the events of random lives comes to the same row, credits and ledger', () => {
  const plan = lives.chain((all) => mixed(eventsOfLives(1, all).map(read)))
  fc.assert(
    fc.property(plan, ({ events, again }) => {
      const expected = outcome(events)
      expect(outcome(again)).toEqual(expected)
      const lost = expected.grants.size > 0 || expected.subscriptions.values().some(hasEnded)
      expect(expected.credits).toBe(expected.allowance?.credits ?? (lost ? 0 : GIFT))
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 3_000) },
  )
}, 600_000)

// Two replicas on one database, without Redis: it would remember the round before.
let replicas: [Service, Service]
beforeAll(async () => {
  const first = await startStripe({ REDIS_URL: '' })
  replicas = [first, await startStripe({ DATABASE_URL: first.databaseUrl, REDIS_URL: '' })]
})
afterAll(async () => {
  await replicas[1].stop()
  await replicas[0].stop()
})

test('any order of them, on two replicas at once, ends in the same rows', async () => {
  const [service, other] = replicas
  const reset = async (told: string) => {
    await service.rows('truncate users, subscriptions, invoices, credit_grants, webhook_events cascade')
    for (const user of [1, 2]) await seedUser(service, user)
    await service.rows('update users set credits_remaining = $1', GIFT)
    // The second had a subscription, and one that ended, before Stripe's events came here.
    await service.rows(
      `update users set stripe_subscription_id = $1, subscription_tier = 'pro', credits_remaining = 320 where id = 2`,
      told,
    )
    await service.rows(
      `insert into subscriptions (id, user_id, status, price_id) values ('sub_2_b', 2, 'unpaid', 'price_teams')`,
    )
  }
  // Either replica takes up events, also those posted at the other.
  const allSettled = () => Promise.all(replicas.map((replica) => replica.settled()))
  const plan = fc.record({
    /** Whether any of its events comes. */
    told: fc.constantFrom('sub_2_a', 'sub_2_never'),
    deliveries: fc
      .tuple(lives, lives)
      .chain(([ofFirst, ofSecond]) => mixed([...eventsOfLives(1, ofFirst), ...eventsOfLives(2, ofSecond)])),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ told, deliveries: { events, again } }) => {
      await reset(told)
      for (const event of events) await deliver(service, event)
      await allSettled()
      const expected = await domainRows(service)

      await reset(told)
      await Promise.all(again.map((event, n) => deliver(n % 2 ? other : service, event)))
      await allSettled()
      expect(await domainRows(service)).toEqual(expected)
    }),
    { numRuns: 30, interruptAfterTimeLimit: 150_000, markInterruptAsFailure: true },
  )
}, 200_000)
