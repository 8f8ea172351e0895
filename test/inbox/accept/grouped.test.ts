import { expect, test } from 'vitest'
import { createGrouped } from '../../../src/inbox/accept/grouped.ts'

/** Numbers grouped by their own weight; each group stays under way until it is let go. */
const start = ({ within = 60_000 } = {}) => {
  const groups: { items: number[]; end: () => void }[] = []
  const grouped = createGrouped<number, number>({
    run: (items) =>
      new Promise((resolve) => {
        groups.push({ items, end: () => resolve(items) })
      }),
    weigh: (item) => item,
    most: 10,
    concurrency: 2,
    enough: 5,
    timedOut: () => new Error('too late'),
  })
  return { groups, add: (item: number) => grouped(item, within) }
}
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

test('what comes in one turn of the event loop shares a group, up to its weight', async () => {
  const { groups, add } = start()
  const results = [4, 4, 4, 12].map(add)
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[4, 4], [4]])
  groups[0]?.end()
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[4, 4], [4], [12]])
  for (const { end } of groups) end()
  expect(await Promise.all(results)).toEqual([4, 4, 4, 12])
})

test('beside a group under way, little waits for it and much does not', async () => {
  const { groups, add } = start()
  void add(1)
  await turn()
  void add(2)
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1]])
  void add(3)
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1], [2, 3]])
  void add(10)
  await turn()
  expect(groups).toHaveLength(2) // as many as may be under way at once
  groups[1]?.end()
  await turn()
  expect(groups.at(-1)?.items).toEqual([10])
})

test('what is given up weighs nothing any more, and its group goes on without it', async () => {
  const { groups, add } = start({ within: 20 })
  const first = add(1)
  await turn()
  const givenUp = await Promise.allSettled([first, add(4)])
  expect(givenUp.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const late = add(4)
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1]])
  groups[0]?.end()
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1], [4]])
  groups[1]?.end()
  expect(await late).toBe(4)
})
