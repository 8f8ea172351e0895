import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { toStatement } from '../../src/db/statement.ts'
import { countEvents, listEvents } from '../../src/operations/events.ts'
import { NO_ERROR } from '../../src/operations/matching.ts'
import { errorGroups } from '../../src/operations/overview.ts'
import { test } from '../database.ts'
import { propertyRuns } from '../property-runs.ts'

const insertDead = async (pool: import('pg').Pool, errors: (string | null)[], status = 'dead') => {
  await pool.query(
    `insert into webhook_events (provider, event_id, event_type, status, last_error, received_at)
     select 'sendgrid', gen_random_uuid()::text, 'click', $2, error, now() - n * interval '1 minute'
     from unnest($1::text[]) with ordinality as v(error, n)`,
    [errors, status],
  )
}

describe('errors are of one group', () => {
  for (const [why, ...errors] of [
    ['that differ in numbers', 'timed out after 30 ms', 'timed out after 4120 ms', 'timed out after 0.5 ms'],
    ['that differ in ids', 'no user cus_Ab3', 'no user cus_QQ91x', 'no user cus_Sam'],
    [
      'that differ in UUIDs',
      'no job 0190f3d2-1111-7abc-8def-0123456789ab',
      'no job ffffffff-0000-4000-8000-aaaaaaaaaaaa',
    ],
    [
      'that differ in quoted names',
      'relation "jobs" is gone',
      'relation "users" is gone',
      "relation 'x y' is gone",
    ],
    ['that differ in addresses', 'refused by ana@acme.example: full', 'refused by b.c+d@example.org: full'],
    ['that differ in times', 'late since 2026-11-28T10:00:00.123Z', 'late since 2026-01-02T03:04:05.000Z'],
    ['that differ in white space', 'a  b', 'a\n b'],
  ] as [string, ...string[]][]) {
    test(why, async ({ pool }) => {
      await insertDead(pool, errors)
      const { groups } = await errorGroups(pool)
      expect(groups.map(({ count }) => count)).toEqual([errors.length])
    })
  }
})

test('errors that differ in a word are two groups, and each filter names exactly its own', async ({
  pool,
}) => {
  await insertDead(pool, [
    'row 1 is locked',
    "row 2 isn't here",
    'row 3 is locked',
    "row 44 isn't here",
    'row 5 is gone',
  ])
  await insertDead(pool, ['row 6 is locked'], 'pending')
  await insertDead(pool, [null])
  const { groups } = await errorGroups(pool)
  expect(groups.map(({ error, count }) => [error, count]).sort()).toEqual([
    [NO_ERROR, 1],
    ['row # is gone', 1],
    ['row # is locked', 2],
    ["row # isn't here", 2],
  ])
  for (const { error, count } of groups) {
    expect(await countEvents(pool, { status: 'dead', error }, 100)).toEqual({ count, more: false })
    const { events } = await listEvents(pool, { status: 'dead', error }, { limit: 10 })
    expect(events).toHaveLength(count)
  }
  expect(await countEvents(pool, { error: 'row # is locked' }, 100)).toEqual({ count: 3, more: false })
})

test('a group says since when, until when, and of which types', async ({ pool }) => {
  await insertDead(pool, ['lock 1', 'lock 2', 'lock 3'])
  await pool.query(`update webhook_events set event_type = 'open' where last_error = 'lock 2'`)
  const { rows } = await pool.query(
    'select min(received_at) as first, max(received_at) as newest from webhook_events',
  )
  expect((await errorGroups(pool)).groups).toEqual([
    {
      error: 'lock #',
      example: 'lock 1',
      providers: ['sendgrid'],
      types: ['click', 'open'],
      count: 3,
      firstReceivedAt: rows[0].first,
      newestReceivedAt: rows[0].newest,
    },
  ])
})

test('every error belongs to exactly one group, whatever it holds', async ({ pool }) => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.constantFrom('"', "'", '“a', '`', '1"2"3', ' '),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        text.map((one) => one.replaceAll('\0', '')),
        { minLength: 1, maxLength: 12 },
      ),
      async (errors) => {
        await pool.query('truncate webhook_events cascade')
        await insertDead(pool, errors)
        const { groups } = await errorGroups(pool)
        expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(errors.length)
        for (const { error, count } of groups) {
          expect((await countEvents(pool, { status: 'dead', error }, 100)).count).toBe(count)
        }
      },
    ),
    { numRuns: propertyRuns(40) },
  )
})

test('a group is found by its index, however many other events there are', async ({ pool }) => {
  await pool.query(
    `insert into webhook_events (provider, event_id, event_type, status, last_error)
     select 'sendgrid', n::text, 'click', case n % 1000 when 0 then 'dead' else 'skipped' end,
            case n % 1000 when 0 then 'lock ' || n else 'no outreach ' || n end
     from generate_series(1, 20000) n`,
  )
  await pool.query('vacuum analyze webhook_events')
  const { matching } = await import('../../src/operations/matching.ts')
  const query = toStatement(matching({ status: 'dead', error: 'lock #' }, { limit: 51, order: 'newest' }))
  const { rows } = await pool.query(`explain ${query.text}`, query.values)
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('webhook_events_error_idx')
})
