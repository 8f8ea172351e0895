import { afterAll, beforeAll, expect, test } from 'vitest'
import { post } from '../provider-contract.ts'
import { bodyOf, deliver, event, sendgridEnv, signed } from '../providers/sendgrid/deliveries.ts'
import { type Service, startService } from '../service.ts'

let service: Service
beforeAll(async () => {
  service = await startService({ env: sendgridEnv })
})
afterAll(() => service.stop())

const keptWith = async (eventId: unknown) =>
  (
    await service.rows(
      `select d.headers ->> 'x-request-id' as id
       from webhook_events e join webhook_deliveries d on d.id = e.delivery_id and d.received_at = e.received_at
       where e.event_id = $1`,
      eventId,
    )
  )[0]?.id

test('a delivery and its events are found by the request id of the log', async () => {
  const one = event('open')
  await deliver(service, one)
  await service.settled()
  const first = await keptWith(one.sg_event_id)
  expect(first).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)

  const other = event('open')
  await deliver(service, one, other)
  await service.settled()
  const second = await keptWith(other.sg_event_id)
  expect(second).not.toBe(first)
  expect(await keptWith(one.sg_event_id)).toBe(first)
})

test.each([
  ['is taken from the proxy', '7f3c9a40-proxy.1', true],
  ['is not taken when it is no id', 'two words', false],
  ['is not taken when it is too long', 'x'.repeat(200), false],
])('the id %s', async (_, given, taken) => {
  const one = event('open')
  const request = signed(bodyOf([one]))
  await post(service, '/webhooks/sendgrid', {
    ...request,
    headers: { ...request.headers, 'x-request-id': given },
  })
  await service.settled()
  const id = await keptWith(one.sg_event_id)
  expect(id === given).toBe(taken)
  expect(id).toMatch(/^[\w.-]{8,100}$/)
})

test('the line of a refused delivery has it, too', async () => {
  const request = signed(bodyOf([event('open')]))
  const headers = { ...request.headers, 'x-request-id': 'forged-4711' }
  await post(service, '/webhooks/sendgrid', { headers, body: Buffer.from('[]') })
  expect(service.logs.filter(({ reqId }) => reqId === 'forged-4711')).toMatchObject([
    { msg: 'delivery refused', reason: 'signature_invalid' },
  ])
})
