import { expect, test } from 'vitest'
import { createArrivals } from '../../../src/inbox/process/arrivals.ts'
import { post } from '../../provider-contract.ts'
import { bodyOf, deliver, event, signed, startSendgrid } from '../../providers/sendgrid/deliveries.ts'
import { eventually } from '../../service.ts'

const isOver = (promise: Promise<void>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setImmediate(resolve, false))])

test('a gap is when no delivery is under way', async () => {
  const arrivals = createArrivals()
  expect(await isOver(arrivals.gap(60_000))).toBe(true)
  arrivals.begin()
  arrivals.begin()
  const gap = arrivals.gap(60_000)
  expect(await isOver(gap)).toBe(false)
  arrivals.end()
  expect(await isOver(gap)).toBe(false)
  arrivals.end()
  expect(await isOver(gap)).toBe(true)
})

test('where deliveries leave no gap, it is over after the time given', async () => {
  const arrivals = createArrivals()
  arrivals.begin()
  await arrivals.gap(10)
})

test('a delivery is under way until it is stored or refused', async () => {
  const service = await startSendgrid()
  const inGap = () => isOver(service.app.arrivals.gap(60_000))
  try {
    const other = await service.db.connect()
    await other.query('begin')
    await other.query('lock table webhook_events')
    const stored = deliver(service, event('open'))
    await eventually(async () => !(await inGap()), 'a delivery under way')
    await other.query('rollback')
    other.release()
    expect(await stored).toMatchObject({ status: 200 })
    expect(await inGap()).toBe(true)
    const forged = signed(bodyOf([event('open')]), { key: 'wrong' })
    expect(await post(service, '/webhooks/sendgrid', forged)).toMatchObject({ status: 401 })
    expect(await inGap()).toBe(true)
  } finally {
    await service.stop()
  }
})
