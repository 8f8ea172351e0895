import { expect, test } from 'vitest'
import { createUnderWay } from '../../src/inbox/under-way.ts'

const later = (milliseconds: number) =>
  new Promise<'later'>((resolve) => setTimeout(resolve, milliseconds, 'later'))

test('a wait ends at once when nothing is under way', async () => {
  const underWay = createUnderWay()
  expect(underWay.any()).toBe(false)
  await underWay.whenNone(60_000)
})

test('every wait ends when the last delivery ends', async () => {
  const underWay = createUnderWay()
  underWay.begin()
  underWay.begin()
  const waits = [underWay.whenNone(60_000), underWay.whenNone(60_000)]
  underWay.end()
  expect(underWay.any()).toBe(true)
  expect(await Promise.race([...waits, later(50)])).toBe('later')
  underWay.end()
  await Promise.all(waits)
  expect(underWay.any()).toBe(false)
})

test('a wait ends by itself when deliveries keep coming', async () => {
  const underWay = createUnderWay()
  underWay.begin()
  await underWay.whenNone(1)
  expect(underWay.any()).toBe(true)
})
