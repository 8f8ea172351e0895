import { afterAll, beforeAll, expect, test } from 'vitest'
import { countDeliveries } from '../../src/operations/count-deliveries.ts'
import { startSendgrid } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { storeEvents } from '../stored.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

const HOUR = 3_600_000
const count = async (from: Date, to: Date, large?: number) =>
  (await countDeliveries(service.db, ['sendgrid', 'stripe', 'mailgun'], { from, to }, large)).map(
    ({ deliveries }) => deliveries,
  )

test('nothing is counted where nothing came', async () => {
  expect(await count(new Date(0), service.now())).toEqual([0, 0, 0])
})

test('exactly the deliveries of a stretch of time are counted, though some came in another order', async () => {
  const now = service.now().getTime()
  const ages = Array.from({ length: 300 }, (_, n) => ({
    provider: n % 5 === 0 ? 'stripe' : 'sendgrid',
    // About one every three minutes; some are minutes out of order.
    receivedAt: new Date(now - 15 * HOUR + n * 180_000 + ((n * 7) % 5) * 120_000),
  }))
  await storeEvents(
    service.db,
    ages.map((one, n) => ({
      ...one,
      eventId: `counted-${n}`,
      payload: { event: 'open' },
      status: 'ignored',
    })),
  )
  const expected = (from: Date, to: Date) =>
    ['sendgrid', 'stripe', 'mailgun'].map(
      (provider) =>
        ages.filter((one) => one.provider === provider && one.receivedAt >= from && one.receivedAt < to)
          .length,
    )
  for (const [from, to] of [
    [20, 0],
    [15, 14],
    [9.3, 9.2],
    [4, 3.99],
    [0.5, -1],
    [30, 20],
  ] as const) {
    const [first, last] = [new Date(now - from * HOUR), new Date(now - to * HOUR)]
    // By halving, as in a large inbox, and without.
    expect(await count(first, last, 0), `${from} to ${to}`).toEqual(expected(first, last))
    expect(await count(first, last), `${from} to ${to}`).toEqual(expected(first, last))
  }
})
