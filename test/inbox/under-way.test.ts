import { expect, test } from 'vitest'
import { createUnderWay } from '../../src/inbox/under-way.ts'

const later = (milliseconds: number) =>
  new Promise<'later'>((resolve) => setTimeout(resolve, milliseconds, 'later'))

test('with nothing under way nobody waits', async () => {
  const underWay = createUnderWay()
  expect(underWay.any()).toBe(false)
  await underWay.none(60_000)
})

test('the last that ends ends every wait', async () => {
  const underWay = createUnderWay()
  underWay.began()
  underWay.began()
  const waits = [underWay.none(60_000), underWay.none(60_000)]
  underWay.ended()
  expect(underWay.any()).toBe(true)
  expect(await Promise.race([...waits, later(50)])).toBe('later')
  underWay.ended()
  await Promise.all(waits)
  expect(underWay.any()).toBe(false)
})

test('a wait ends by itself, also when deliveries never stop coming', async () => {
  const underWay = createUnderWay()
  underWay.began()
  await underWay.none(1)
  expect(underWay.any()).toBe(true)
})
