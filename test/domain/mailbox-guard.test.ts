import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeMailbox } from '../../src/domain/mailbox-guard.ts'

const now = new Date('2026-11-28T12:00:00Z')
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000)
const verdict = (sent: number, bounces: number, spamReports: number, resumed?: [number, number, number]) =>
  judgeMailbox(
    { sent, bounces, spamReports },
    resumed && { at: daysAgo(resumed[0]), bounces: resumed[1], spamReports: resumed[2] },
    now,
  ).verdict

describe('a mailbox is judged', () => {
  test('from 50 mails on', () => {
    expect(verdict(49, 49, 49)).toBe('fine')
    expect(verdict(50, 50, 50)).toBe('pause')
    expect(verdict(0, 5, 5)).toBe('fine')
  })
  test.each([
    [100, 2, 'fine'],
    [100, 3, 'warn'],
    [100, 4, 'warn'],
    [100, 5, 'pause'],
    [101, 3, 'fine'],
    [101, 5, 'warn'],
    [101, 6, 'pause'],
    [1_000, 29, 'fine'],
    [1_000, 30, 'warn'],
    [1_000, 49, 'warn'],
    [1_000, 50, 'pause'],
  ] as const)('of %i mails %i bounced: %s', (sent, bounces, expected) => {
    expect(verdict(sent, bounces, 0)).toBe(expected)
  })
  test.each([
    [50, 1, 'warn'],
    [50, 2, 'warn'],
    [50, 3, 'pause'],
    [499, 2, 'warn'],
    [500, 1, 'warn'],
    [500, 2, 'pause'],
    [667, 2, 'warn'],
    [666, 2, 'pause'],
    [1_000, 2, 'warn'],
    [1_000, 3, 'pause'],
    [100_000, 3, 'pause'],
  ] as const)('of %i mails %i were reported as spam: %s', (sent, reports, expected) => {
    expect(verdict(sent, 0, reports)).toBe(expected)
  })
})

describe('within a week of being resumed', () => {
  test('it is paused again at twice the rate it had then, and not below', () => {
    expect(verdict(100, 11, 0, [1, 0.06, 0])).toBe('warn')
    expect(verdict(100, 12, 0, [1, 0.06, 0])).toBe('pause')
    expect(verdict(50, 5, 0, [1, 5 / 50, 3 / 50])).toBe('warn')
    expect(verdict(50, 0, 5, [1, 0, 3 / 50])).toBe('warn')
    expect(verdict(50, 0, 6, [1, 0, 3 / 50])).toBe('pause')
  })
  test('a rate that was nothing then is judged as ever', () => {
    expect(verdict(50, 0, 3, [1, 0.06, 0])).toBe('pause')
    expect(verdict(100, 4, 0, [1, 0, 0.03])).toBe('warn')
    expect(verdict(100, 5, 0, [1, 0, 0.03])).toBe('pause')
  })
  test('and after a week nothing is left of it', () => {
    expect(verdict(100, 6, 0, [6.99, 0.06, 0])).toBe('warn')
    expect(verdict(100, 6, 0, [7, 0.06, 0])).toBe('pause')
  })
  test('exactly twice is twice, whatever the numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 10_000 }), fc.integer({ min: 1, max: 5 }), (sent, times) => {
        const bounces = Math.ceil(sent / 20)
        const later = { sent: sent * times, bounces: 2 * bounces * times }
        const then = [1, bounces / sent, 0] as [number, number, number]
        expect(verdict(later.sent, later.bounces, 0, then)).toBe('pause')
        expect(verdict(later.sent, later.bounces - 1, 0, then)).toBe('warn')
      }),
    )
  })
})

test('more of anything bad never makes the verdict milder', () => {
  const rank = { fine: 0, warn: 1, pause: 2 }
  const week = fc.record({ sent: fc.nat(2_000), bounces: fc.nat(200), spamReports: fc.nat(10) })
  fc.assert(
    fc.property(week, fc.constantFrom('bounces', 'spamReports'), ({ sent, bounces, spamReports }, kind) => {
      const worse = { sent, bounces, spamReports, [kind]: { bounces, spamReports }[kind] + 1 }
      expect(rank[judgeMailbox(worse, undefined, now).verdict]).toBeGreaterThanOrEqual(
        rank[verdict(sent, bounces, spamReports)],
      )
    }),
  )
})
