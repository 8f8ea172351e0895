import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { daysAgo, FILTERS, fillInbox } from '../../harness/volume.ts'
import { toStatement } from '../../src/db/statement.ts'
import { countEvents, listEvents } from '../../src/operations/events.ts'
import { matching } from '../../src/operations/matching.ts'
import { BACKLOG } from '../../src/operations/overview.ts'
import { type Service, startService } from '../service.ts'

const ROWS = 200_000
let service: Service
beforeAll(async () => {
  service = await startService()
  // Nobody works on the rows while they are looked at.
  await service.app.close()
  await fillInbox(service.db, ROWS)
}, 120_000)
afterAll(() => service.stop())

const filters: typeof FILTERS = [
  ...FILTERS,
  ['a subject', { subjects: ['outreach:77'] }],
  ['a subject and a status', { subjects: ['outreach:77', 'customer:cus_7'], status: 'processed' }],
  ['an event id', { eventId: 'filled-4711' }],
]

/** The plan of a query, as text. */
const planOf = async (query: { text: string; values: unknown[] }): Promise<string> => {
  const rows = await service.rows(`explain (analyze, buffers) ${query.text}`, ...query.values)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

/** Pages of 8 KiB that were looked at. */
const pagesRead = (plan: string): number =>
  [...(/Buffers: ([^\n]*)/.exec(plan)?.[1] ?? '').matchAll(/(?:hit|read)=(\d+)/g)].reduce(
    (sum, [, pages]) => sum + Number(pages),
    0,
  )

describe.each(filters)('by %s', (_, filter) => {
  test.each([
    ['the newest page', { limit: 51, order: 'newest' }],
    [
      'a page in the middle',
      { limit: 51, order: 'newest', after: `${daysAgo(45).getTime() * 1_000}.100000` },
    ],
    ['the count', { limit: 10_001, order: 'any' }],
  ] as const)('%s reads no more than it shows, whatever the volume', async (_what, options) => {
    const plan = await planOf(toStatement(matching(filter, options)))
    expect(plan).not.toMatch(/Seq Scan on webhook_events/)
    // The whole table is some 6,000 pages, its list index 2,500.
    expect(pagesRead(plan), plan).toBeLessThan(options.order === 'newest' ? 400 : 1_500)
  })
})

describe('what was not understood', () => {
  beforeAll(async () => {
    await service.rows(`update webhook_events set misunderstood = 'a new type' where id % 10 = 0`)
    await service.rows('vacuum analyze webhook_events')
  })
  test.each([
    ['the newest page', {}, { limit: 51, order: 'newest' }],
    ['of a provider', { provider: 'sendgrid' }, { limit: 51, order: 'newest' }],
    ['of a status', { status: 'processed', since: daysAgo(60) }, { limit: 51, order: 'newest' }],
    ['the count', {}, { limit: 1_001, order: 'any' }],
  ] as const)('%s reads no more than it shows', async (_, filter, options) => {
    const plan = await planOf(toStatement(matching({ ...filter, misunderstood: true }, options)))
    expect(plan).toContain('webhook_events_misunderstood_idx')
    expect(pagesRead(plan), plan).toBeLessThan(1_500)
  })
})

test('pages follow each other without a gap or an overlap, also among events of one moment', async () => {
  await service.rows(
    `update webhook_events set received_at = date_trunc('day', received_at) where status = 'dead'`,
  )
  const expected = await service.rows(
    `select id from webhook_events where status = 'dead' order by received_at desc, id desc`,
  )
  const listed: string[] = []
  let after: string | null | undefined
  do {
    const page = await listEvents(service.db, { status: 'dead' }, { limit: 7, after: after ?? undefined })
    listed.push(...page.events.map((event) => event.id))
    after = page.next
  } while (after !== null)
  expect(listed).toEqual(expected.map((row) => row.id))
  expect(listed).toHaveLength(100)
})

test('a count is exact up to its bound, and says when there are more', async () => {
  expect(await countEvents(service.db, { provider: 'stripe' }, 1_000)).toEqual({ count: 200, more: false })
  expect(await countEvents(service.db, { provider: 'sendgrid' }, 1_000)).toEqual({ count: 1_000, more: true })
})

test('the backlog reads pending events only', async () => {
  const plan = await planOf(BACKLOG({ now: new Date() }))
  expect(plan).not.toMatch(/Seq Scan on webhook_events/)
  expect(pagesRead(plan)).toBeLessThan(50)
})

test('retention by status and age is served by the same index', async () => {
  const plan = await planOf({
    text: `select id from webhook_events where status = 'processed' and received_at < $1 limit 500`,
    values: [daysAgo(89)],
  })
  expect(plan).not.toMatch(/Seq Scan on webhook_events/)
})
