import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as model from '../../billing/credits-model.mjs'
import { type Happening, historyOf, PRICES } from '../../billing/histories.ts'
import { MUST_END, propertyRuns } from '../../property-runs.ts'
import type { Service } from '../../service.ts'
import { deliver, startStripe } from './deliveries.ts'

let service: Service
beforeAll(async () => {
  service = await startStripe({ REDIS_URL: '' })
})
afterAll(() => service.stop())

const USERS = 40
const inModel = (user: model.ModelUser, one: Happening): model.ModelUser =>
  one.kind === 'change'
    ? model.change(user, one.amount)
    : model.apply(user, one.kind === 'event' ? model.readEvent(one.event, PRICES) : undefined)

const seconds = (time: unknown) => (time instanceof Date ? time.getTime() / 1_000 : null)

/** The rows of all users, in the model's form. */
const rows = async () =>
  (await service.rows('select * from users order by id')).map((user) => ({
    tier: user.subscription_tier,
    credits: user.credits_remaining,
    subscriptionId: user.stripe_subscription_id,
    status: user.subscription_status,
    periodEnd: seconds(user.current_period_end),
    cancels: user.cancel_at_period_end,
  }))
const ledger = async () =>
  (await service.rows('select user_id, grant_key, granted_at from credit_grants')).map(
    ({ user_id, grant_key, granted_at }) => `${user_id} ${grant_key} ${seconds(granted_at)}`,
  )

test('users whose events come in any order, and who spend at any time, end as in the reference model', async () => {
  const histories = fc.tuple(...Array.from({ length: USERS }, (_, n) => historyOf(n + 1)))
  await fc.assert(
    fc.asyncProperty(histories, async (all) => {
      await service.rows('truncate users, subscriptions, invoices, credit_grants, webhook_events cascade')
      let users: model.ModelUser[] = []
      for (const [n, { row }] of all.entries()) {
        const { tier, credits, subscriptionId, status, periodEnd, cancels } = row
        await service.rows(
          `insert into users (id, email, stripe_customer_id, subscription_tier, credits_remaining,
             stripe_subscription_id, subscription_status, current_period_end, cancel_at_period_end)
           values ($1, 'u@example.com', $2, $3, $4, $5, $6, to_timestamp($7), $8)`,
          ...[n + 1, `cus_${n + 1}`, tier, credits, subscriptionId, status, periodEnd, cancels],
        )
        users.push(model.newUser(row))
      }
      const longest = Math.max(...all.map(({ happenings }) => happenings.length))
      for (let step = 0; step < longest; step++) {
        const now = all.map(({ happenings }) => happenings[step])
        for (const [n, one] of now.entries()) {
          if (one?.kind !== 'change' || one.amount === 0) continue
          await service.rows(
            'update users set credits_remaining = greatest(0, credits_remaining + $2) where id = $1',
            n + 1,
            one.amount,
          )
        }
        await Promise.all(now.map((one) => one?.kind === 'event' && deliver(service, one.event)))
        await service.settled()
        users = users.map((user, n) => (now[n] === undefined ? user : inModel(user, now[n])))
        expect(await rows()).toEqual(users.map(({ row }) => row))
      }
      const expected = users.flatMap((user, n) =>
        [...user.ledger].map(([key, at]) => `${n + 1} ${key} ${at}`),
      )
      expect((await ledger()).sort()).toEqual(expected.sort())
    }),
    {
      numRuns: propertyRuns(3),
      endOnFailure: true,
      interruptAfterTimeLimit: 240_000,
      markInterruptAsFailure: MUST_END,
    },
  )
}, 300_000)
