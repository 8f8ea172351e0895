import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { asService } from '../database.ts'
import { type StripeApi, startStripeApi } from '../providers/stripe/api-server.ts'
import { requested, seedUser, startStripe, stripeEnv } from '../providers/stripe/deliveries.ts'
import { eventsOf } from '../providers/stripe/events.ts'
import { eventually, type Service } from '../service.ts'
import { webhooks } from './run.ts'

// The command as a process. What it finds and merges: test/providers/stripe/reconcile.test.ts.

vi.setConfig({ testTimeout: 180_000 }) // a process takes its time to start on a busy machine

let service: Service
let api: StripeApi
let env: Record<string, string>
beforeAll(async () => {
  service = await startStripe()
  api = await startStripeApi()
  env = { ...stripeEnv, ...api.env, DATABASE_URL: asService(service.databaseUrl) }
})
afterAll(() => Promise.all([service.stop(), api.stop()]))
beforeEach(async () => {
  Object.assign(api, { subscriptions: [], invoices: [], requests: [], fault: () => undefined })
  await service.rows('truncate users, subscriptions, invoices, credit_grants cascade')
  await seedUser(service, 1)
  await service.rows(
    `update users set subscription_tier = 'pro', credits_remaining = 320, stripe_subscription_id = 'sub_1'`,
  )
})

const run = async (args: string[], other: Record<string, string> = {}) => {
  const ended = await webhooks(['stripe', 'reconcile', ...args], { ...env, ...other })
  for (const key of [api.key, 'rk_test_wrong0123456789'])
    expect(ended.stdout + ended.stderr).not.toContain(key)
  return ended
}
const atStripe = (fields: object) => {
  const { object } = eventsOf(1).subscription('updated').data
  api.subscriptions.push({ ...object, id: 'sub_1', ...fields })
}
const tier = async () => (await service.rows('select subscription_tier as tier from users'))[0]?.tier

test('shows what differs (1), applies it (0), and finds nothing more (0)', async () => {
  const { created } = eventsOf(1).subscription('updated', { at: Math.floor(Date.now() / 1_000) - 3_600 })
  atStripe({ status: 'canceled', ended_at: created })
  const shown = await run([])
  expect(shown.code).toBe(1)
  expect(shown.stdout).toMatch(/user +customer +what +here +Stripe/)
  expect(shown.stdout).toMatch(/^1 +cus_1 +tier +pro +free *$/m)
  expect(shown.stderr).toMatch(/^1 differs\. --apply merges what Stripe has\.$/m)
  expect(await tier()).toBe('pro')

  const applied = await run(['--apply', '--json'])
  expect(applied.code).toBe(0)
  expect(JSON.parse(applied.stdout)).toMatchObject({
    applied: true,
    customers: 1,
    found: [{ customerId: 'cus_1', userId: '1', outcome: 'differs', remaining: [] }],
    failure: null,
  })
  expect(await tier()).toBe('free')
  // The end is an hour old: the service sends the e-mail that the command requested.
  const sent = async () =>
    (await service.rows(`select from pgboss.job where name = 'notify-email' and state = 'completed'`)).length
  await eventually(async () => (await sent()) === 1 || undefined, 'the worker has taken the e-mail')
  expect((await requested(service, 'email')).map(({ key }) => key)).toEqual(['stripe:ended:sub_1'])

  const again = await run(['--customer', 'cus_1'])
  expect(again).toMatchObject({ code: 0, stdout: '' })
})

test('a customer whom no user has is listed (1)', async () => {
  atStripe({ id: 'sub_2', customer: 'cus_2' })
  await service.rows('delete from users')
  const shown = await run([])
  expect(shown.code).toBe(1)
  expect(shown.stdout).toMatch(/^- +cus_2 +no user for sub_2 +- +active *$/m)
  // Nothing that could be merged.
  expect(shown.stderr).toContain('cannot settle that')
  expect(shown.stderr).not.toContain('--apply')
})

test('what can be merged and what cannot are reported separately (1)', async () => {
  atStripe({})
  atStripe({ id: 'sub_2', customer: 'cus_2' })
  const shown = await run([])
  expect(shown).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--apply merges what Stripe has, which'),
  })
  expect(shown.stderr).toContain('settles 1 of them')
  expect(await run(['--apply'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^1 still differs\./m),
  })
})

test.each(['', ' ', 'sub_1', 'cus_', 'cus_1 ', 'cus_1/../x', 'CUS_1'])(
  'what is no customer is wrong usage (2): %j',
  async (customer) => {
    const ended = await run(['--customer', customer])
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected the id of a customer') })
    expect(api.requests).toEqual([])
  },
)

test.each([
  ['Stripe fails', {}, /Answered 500/],
  ['Stripe refuses the key', { STRIPE_API_KEY: 'rk_test_wrong0123456789' }, /Invalid API Key/],
  ['the database is away', { DATABASE_URL: 'postgres://a:b@127.0.0.1:9/c' }, /database does not answer/],
])('it cannot compare (4) when %s', async (_, other, said) => {
  api.fault = () => ({ status: 500 })
  atStripe({})
  expect(await run(['--apply'], other)).toMatchObject({ code: 4, stderr: expect.stringMatching(said) })
  expect(await tier()).toBe('pro')
})

test('it cannot compare (4) a customer that Stripe does not know', async () => {
  const shown = await run([])
  expect(shown).toMatchObject({ code: 4, stdout: expect.stringContaining('unknown at Stripe') })
  expect(await tier()).toBe('pro')
})

test.each([
  ['without a key', { STRIPE_API_KEY: '' }, /STRIPE_API_KEY: is required/],
  ['without the price of a tier', { STRIPE_PRICE_TEAMS: '' }, /STRIPE_PRICE_TEAMS: is required/],
  ['without a database', { DATABASE_URL: '' }, /DATABASE_URL: is required/],
])('it is misconfigured (2) %s', async (_, other, said) => {
  expect(await run([], other)).toMatchObject({ code: 2, stderr: expect.stringMatching(said) })
})
