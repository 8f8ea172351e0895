import { describe, expect, test } from 'vitest'
import { MAX_ATTEMPTS, nextAttempt, nextLook } from '../../../src/inbox/process/retry.ts'

const now = new Date(1_800_000_000_000)
const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('a failed event', () => {
  test('is tried again after 10 s, 1 min, 5 min, 30 min, 2 h, 6 h and 12 h, then dead', () => {
    const delays = Array.from({ length: MAX_ATTEMPTS }, (_, n) => nextAttempt(n + 1, now, () => 0.5))
    expect(delays.map((time) => time && time.getTime() - now.getTime())).toEqual([
      10_000,
      MINUTE,
      5 * MINUTE,
      30 * MINUTE,
      2 * HOUR,
      6 * HOUR,
      12 * HOUR,
      null,
    ])
  })
  test('is spread by 20 % either way', () => {
    expect(nextAttempt(2, now, () => 0)?.getTime()).toBe(now.getTime() + 48_000)
    expect(nextAttempt(2, now, () => 0.999_999)?.getTime()).toBeCloseTo(now.getTime() + 72_000, -2)
  })
})

describe('an event that waits', () => {
  const looks = (limit: number) => {
    const times: number[] = []
    for (let at: Date | null = now; at !== null; at = nextLook(now, at, limit))
      times.push((at.getTime() - now.getTime()) / 1_000)
    return times
  }
  test('looks after 10 s, 30 s, 1 min, then every 2 min, and at the very end', () => {
    expect(looks(15 * MINUTE)).toEqual([0, 10, 40, 100, 220, 340, 460, 580, 700, 820, 900])
  })
  test('looks every 30 min after the first hour', () => {
    const late = looks(72 * HOUR).filter((at) => at > 3_700)
    expect(late.length).toBeLessThan(150)
    expect((late[1] ?? 0) - (late[0] ?? 0)).toBe(1_800)
    expect(late.at(-1)).toBe(72 * 3_600)
  })
})
