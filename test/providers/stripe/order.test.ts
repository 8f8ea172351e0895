import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventsOfLives, lives, mixed } from '../../billing/histories.ts'
import { MUST_END, propertyRuns } from '../../property-runs.ts'
import type { Service } from '../../service.ts'
import { deliver, domainRows, seedUser, startStripe } from './deliveries.ts'

/** What a new user has before anything is paid. */
const GIFT = 7

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

test('any order of the events of random lives, on two replicas at once, ends in the same rows', async () => {
  const [service, other] = replicas
  const reset = async (named: string | null) => {
    await service.rows(
      'truncate users, subscriptions, invoices, credit_grants, webhook_deliveries, webhook_queue, webhook_events cascade',
    )
    for (const user of [1, 2]) await seedUser(service, user)
    await service.rows('update users set credits_remaining = $1', GIFT)
    // The second had a subscription before Stripe's events came here.
    await service.rows(
      `update users set stripe_subscription_id = $1, subscription_tier = 'pro', credits_remaining = 320 where id = 2`,
      named,
    )
  }
  // Either replica takes up events, also those posted at the other.
  const allSettled = () => Promise.all(replicas.map((replica) => replica.settled()))
  const plan = fc.record({
    /** Its row names one whose events come, one whose events never come, or none. */
    named: fc.constantFrom('sub_2_a', 'sub_2_never', null),
    deliveries: fc
      .tuple(lives, lives)
      .map(([ofFirst, ofSecond]) => [...eventsOfLives(1, ofFirst), ...eventsOfLives(2, ofSecond)])
      .chain((events) => mixed(events).map((again) => ({ events, again }))),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ named, deliveries: { events, again } }) => {
      await reset(named)
      for (const event of events) await deliver(service, event)
      await allSettled()
      const expected = await domainRows(service)

      await reset(named)
      await Promise.all(again.map((event, n) => deliver(n % 2 ? other : service, event)))
      await allSettled()
      expect(await domainRows(service)).toEqual(expected)
    }),
    { numRuns: propertyRuns(15), interruptAfterTimeLimit: 150_000, markInterruptAsFailure: MUST_END },
  )
}, 200_000)
