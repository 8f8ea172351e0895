import { expect, test } from 'vitest'
import { createArrivals } from '../../src/inbox/arrivals.ts'

const isOver = (promise: Promise<void>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setImmediate(resolve, false))])

test('a gap is when no delivery is under way, whether the last was stored or refused', async () => {
  const arrivals = createArrivals()
  expect(await isOver(arrivals.gap(60_000))).toBe(true)
  const first = Promise.withResolvers<string>()
  const second = Promise.withResolvers<string>()
  const stored = arrivals.during(() => first.promise)
  const refused = arrivals.during(() => second.promise)
  const gap = arrivals.gap(60_000)
  expect(await isOver(gap)).toBe(false)
  first.resolve('stored')
  expect(await stored).toBe('stored')
  expect(await isOver(gap)).toBe(false)
  second.reject(new Error('refused'))
  await expect(refused).rejects.toThrow('refused')
  expect(await isOver(gap)).toBe(true)
})

test('where deliveries leave no gap, it is over after the time given', async () => {
  const arrivals = createArrivals()
  void arrivals.during(() => new Promise(() => {}))
  await arrivals.gap(10)
})
