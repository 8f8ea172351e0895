import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSeldomLines } from '../../src/inbox/process/seldom-lines.ts'
import type { ClaimedEvent } from '../../src/inbox/provider.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MINUTE = 60_000
let serial = 0
const events = (count: number): ClaimedEvent[] =>
  Array.from({ length: count }, () => ({
    rowId: '1',
    eventId: `event-${++serial}`,
    eventType: 'click',
    payload: {},
    receivedAt: new Date(0),
    waitingSince: null,
    attempts: 1,
  }))

const start = () => {
  const lines: Record<string, unknown>[] = []
  const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) })
  return { lines, seldom: createSeldomLines(log) }
}

test('the first is logged at once, what follows within the minute together at its end', () => {
  const { lines, seldom } = start()
  seldom.add('sendgrid', 'names none', events(3))
  expect(lines).toEqual([
    { level: 40, provider: 'sendgrid', events: 3, eventId: 'event-3', msg: 'names none' },
  ])
  seldom.add('sendgrid', 'names none', events(2))
  seldom.add('sendgrid', 'names none', [])
  seldom.add('sendgrid', 'names none', events(5))
  expect(lines).toHaveLength(1)
  vi.advanceTimersByTime(MINUTE)
  expect(lines.slice(1)).toEqual([expect.objectContaining({ events: 7 })])
  vi.advanceTimersByTime(10 * MINUTE)
  expect(lines).toHaveLength(2)
  seldom.add('sendgrid', 'names none', events(1))
  expect(lines.slice(2)).toEqual([expect.objectContaining({ events: 1 })])
})

test('each provider and each message has lines of its own, and none is lost at the end', () => {
  const { lines, seldom } = start()
  for (const [provider, message] of [
    ['sendgrid', 'a'],
    ['sendgrid', 'b'],
    ['mailgun', 'a'],
  ] as const) {
    seldom.add(provider, message, events(1))
    seldom.add(provider, message, events(4))
  }
  expect(lines).toHaveLength(3)
  seldom.end()
  expect(lines.slice(3).map(({ provider, msg, events }) => [provider, msg, events])).toEqual([
    ['sendgrid', 'a', 4],
    ['sendgrid', 'b', 4],
    ['mailgun', 'a', 4],
  ])
  expect(vi.getTimerCount()).toBe(0)
})
