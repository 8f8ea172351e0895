import { expect, test } from 'vitest'
import { createAccess } from '../../src/console/access.ts'

let now = 0
const RIGHT = 'correct horse battery'
const create = () => createAccess({ operator: RIGHT, reader: 'only looking, please' }, () => new Date(now))

test('each wrong password slows the next try of its sender, up to five seconds, and no other sender’s', () => {
  const access = create()
  const delays = Array.from({ length: 12 }, () => {
    access.roleOf('wrong', 'a')
    return access.delayOf('a')
  })
  expect(delays).toEqual([0, 0, 250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000])
  expect(access.delayOf('b')).toBe(0)
})

test('the right password opens whatever came before, and clears it', () => {
  const access = create()
  for (let n = 0; n < 10_000; n++) access.roleOf(`wrong ${n}`, 'a')
  expect(access.roleOf(RIGHT, 'a')).toBe('operator')
  expect(access.delayOf('a')).toBe(0)
})

test('wrong passwords are forgotten ten minutes after the last', () => {
  const access = create()
  for (let n = 0; n < 5; n++) {
    access.roleOf('wrong', 'a')
    now += 599_000
  }
  expect(access.delayOf('a')).toBeGreaterThan(0)
  now += 2_000
  expect(access.delayOf('a')).toBe(0)
})

test('ten thousand senders are remembered, not more', () => {
  const access = create()
  for (let sender = 0; sender <= 10_000; sender++) {
    for (let n = 0; n < 3; n++) access.roleOf('wrong', String(sender))
  }
  expect(access.delayOf('0')).toBe(0)
  expect(access.delayOf('1')).toBeGreaterThan(0)
  expect(access.delayOf('10000')).toBeGreaterThan(0)
})
