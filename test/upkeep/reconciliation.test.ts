import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { reconciliation } from '../../src/upkeep/reconciliation.ts'
import { type StripeApi, startStripeApi } from '../providers/stripe/api-server.ts'
import { requested, seedUser, startStripe, stripeEnv } from '../providers/stripe/deliveries.ts'
import { eventsOf } from '../providers/stripe/events.ts'
import type { Service } from '../service.ts'
import { runTask } from './run.ts'

const DAY = 86_400_000

let service: Service
let api: StripeApi
beforeAll(async () => {
  service = await startStripe()
  api = await startStripeApi()
  await service.app.jobs.started
})
afterAll(() => Promise.all([service.stop(), api.stop()]))
beforeEach(async () => {
  service.advance(DAY) // there is one message a day
  Object.assign(api, { subscriptions: [], fault: () => undefined })
  await service.rows('truncate users cascade')
  await service.rows('delete from pgboss.job')
})

const withKey = () => runTask(reconciliation, service, { ...stripeEnv, ...api.env })
const withoutKey = () => runTask(reconciliation, service)
const told = async () => (await requested(service, 'slack')).map(({ data }) => data)
const seedPaid = async (id: number) => {
  await seedUser(service, id)
  await service.rows(`update users set subscription_tier = 'pro', credits_remaining = 320 where id = $1`, id)
  api.customers.add(`cus_${id}`)
}

test('every night a message tells billing how many differ, and nothing is changed', async () => {
  await seedPaid(1)
  await seedPaid(2)
  const { object } = eventsOf(3).subscription('updated').data
  api.subscriptions.push({ ...object, id: 'sub_3' })
  expect(await withKey()).toEqual([{ customers: 3, differ: 3, incomparable: 0, failure: null }])
  expect(await told()).toEqual([
    { channel: 'billing', text: expect.stringContaining('3 of 3 customers differ') },
  ])
  expect(await service.rows('select subscription_tier as tier from users')).toEqual([
    { tier: 'pro' },
    { tier: 'pro' },
  ])
  await withKey()
  expect(await told()).toHaveLength(1)
})

test('customers and users without a customer are reported separately', async () => {
  await seedPaid(1)
  await seedPaid(2)
  await service.rows('update users set stripe_customer_id = null where id = 2')
  expect(await withKey()).toEqual([{ customers: 1, differ: 2, incomparable: 0, failure: null }])
  const [message] = await told()
  expect(message?.text).toContain(
    '1 of 1 customer differs. 1 user with a paid tier and without a customer id.',
  )
})

test('and hears that nothing differs', async () => {
  expect(await withKey()).toEqual([{ customers: 0, differ: 0, incomparable: 0, failure: null }])
  expect(await told()).toEqual([
    { channel: 'billing', text: '🧾 Compared with Stripe: 0 of 0 customers differ.' },
  ])
})

test('and when Stripe could not be asked, without the key', async () => {
  await seedPaid(1)
  api.fault = () => ({ status: 500 })
  const [report] = await withKey()
  expect(report?.failure).toContain('Answered 500')
  const [message] = await told()
  expect(message?.text).toContain('Not every customer could be compared')
  expect(JSON.stringify([report, message, service.logs])).not.toContain(api.key)
})

test('without a key a message tells billing whose paid period ended over three days ago', async () => {
  const ended = (id: number, daysAgo: number | null, tier = 'pro') =>
    service.rows(
      'insert into users (id, email, subscription_tier, current_period_end) values ($1, $2, $3, $4)',
      id,
      `user${id}@example.com`,
      tier,
      daysAgo === null ? null : new Date(service.now().getTime() - daysAgo * DAY),
    )
  await ended(1, 2.9)
  await ended(2, -10)
  await ended(3, null)
  await ended(4, 30, 'free')
  expect(await withoutKey()).toEqual([{ late: 0 }])
  expect(await told()).toEqual([])

  service.advance(DAY)
  await ended(5, 30, 'teams')
  expect(await withoutKey()).toEqual([{ late: 2 }]) // the first by now, too
  expect(await told()).toEqual([{ channel: 'billing', text: expect.stringMatching(/of 2 users .*: 1, 5\./) }])
  await withoutKey()
  expect(await told()).toHaveLength(1)
  service.advance(DAY)
  await withoutKey()
  expect(await told()).toHaveLength(2)
})
