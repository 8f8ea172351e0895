import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createStripeApi, describeApiError } from '../../../src/providers/stripe/reconciliation/api.ts'
import { type StripeApi, startStripeApi } from './api-server.ts'

let api: StripeApi
beforeAll(async () => {
  api = await startStripeApi()
  api.events = Array.from({ length: 250 }, (_, n) => ({ id: `evt_${n}`, type: 'invoice.paid', created: n }))
})
afterAll(() => api.stop())
beforeEach(() => {
  api.requests.length = 0
  api.fault = () => undefined
})

const listAll = async (): Promise<string[]> => {
  const ids = []
  for await (const { id } of createStripeApi(api.env).events.list({ limit: 100 })) ids.push(id)
  return ids
}
const errorOf = async () => describeApiError(await listAll().catch((error) => error), api.env)

test('a list is read to its last page', async () => {
  expect(await listAll()).toEqual(api.events.map(({ id }) => id).reverse())
  expect(api.requests).toHaveLength(3)
})

test('a rate limit is waited for, on whichever page', async () => {
  api.fault = ({ number }) =>
    number === 2 || number === 3 ? { status: 429, headers: { 'retry-after': '0' } } : undefined
  expect(await listAll()).toHaveLength(250)
  expect(api.requests).toHaveLength(5)
})

test('a rate limit without a time is waited for, too', async () => {
  api.fault = ({ number }) => (number === 1 ? { status: 429 } : undefined)
  expect(await listAll()).toHaveLength(250)
})

test('a server error is tried again, and reported when it stays', async () => {
  api.fault = ({ number }) => (number === 2 ? { status: 500 } : undefined)
  expect(await listAll()).toHaveLength(250)
  api.fault = () => ({ status: 500 })
  expect(await errorOf()).toMatch(/^StripeAPIError: Answered 500 on purpose, req_/)
})

test('a wrong key is refused at once, and no key is shown', async () => {
  const env = { ...api.env, STRIPE_API_KEY: 'rk_test_another0123456789' }
  const error = await createStripeApi(env)
    .events.list()
    .catch((cause) => cause)
  expect(describeApiError(error, env)).toContain('Invalid API Key')
  expect(api.requests).toHaveLength(1)
  expect(describeApiError(new Error(`refused ${env.STRIPE_API_KEY}`), env)).toBe(
    'Error: refused STRIPE_API_KEY',
  )
})
