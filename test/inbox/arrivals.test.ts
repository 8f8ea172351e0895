import { expect, test } from 'vitest'
import { createArrivals } from '../../src/inbox/arrivals.ts'

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
