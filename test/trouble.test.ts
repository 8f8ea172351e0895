import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createTrouble } from '../src/trouble.ts'

let lines: unknown[][]
let trouble: ReturnType<typeof createTrouble>
beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  const log = (level: string) => (fields: unknown, message: string) => lines.push([level, message, fields])
  trouble = createTrouble({ warn: log('warn'), info: log('info') } as never)
})
afterEach(() => {
  trouble.close()
  vi.useRealTimers()
})

test('what repeats itself is one line a minute, with a count and the last of its errors', () => {
  for (let n = 1; n <= 3_000; n++) {
    trouble.report({ n }, 'away')
    vi.advanceTimersByTime(100) // five minutes in all
  }
  expect(lines[0]).toEqual(['warn', 'away', { n: 1 }])
  expect(lines.slice(1).map(([, , fields]) => fields)).toEqual([
    { n: 600, repeated: 599 },
    { n: 1_200, repeated: 600 },
    { n: 1_800, repeated: 600 },
    { n: 2_400, repeated: 600 },
    { n: 3_000, repeated: 600 },
  ])
})

test('after a quiet minute it is news again', () => {
  trouble.report({}, 'away')
  vi.advanceTimersByTime(60_000)
  trouble.report({}, 'away')
  expect(lines).toHaveLength(2)
})

test('kinds are counted separately, and for some the first few get a line each', () => {
  for (let n = 0; n < 5; n++) {
    trouble.report({ n }, 'away', { of: 'a' })
    trouble.report({ n }, 'away', { of: 'b', first: 3, level: 'info' })
  }
  expect(lines.map(([level]) => level).toSorted()).toEqual(['info', 'info', 'info', 'warn'])
  trouble.flush()
  trouble.flush()
  expect(lines.slice(4)).toEqual([
    ['warn', 'away', { n: 4, repeated: 4 }],
    ['info', 'away', { n: 4, repeated: 2 }],
  ])
})

test('of what is about events each line has their number', () => {
  const report = (n: number, events: number) => trouble.report({ n }, 'names none', { events })
  report(1, 3)
  report(2, 2)
  report(3, 5)
  vi.advanceTimersByTime(60_000)
  expect(lines.map(([, , fields]) => fields)).toEqual([
    { n: 1, events: 3 },
    { n: 3, events: 7 },
  ])
})

test('at the end, what is not yet logged is logged', () => {
  trouble.report({}, 'away')
  trouble.report({}, 'away')
  trouble.close()
  expect(lines).toHaveLength(2)
  expect(vi.getTimerCount()).toBe(0)
})
