import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Operator } from '../../src/operations/audit.ts'
import { showEvent } from '../../src/operations/events.ts'
import { discardDead, replayEvents, replayMatching } from '../../src/operations/replay.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'
import { storeEvents } from '../stored.ts'

let service: Service
beforeEach(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
})
afterEach(() => service.stop())

const HOUR = 3_600_000
const by: Operator = { operator: 'kim', via: 'command line', reason: 'the cause is gone' }
const ids = async (where = 'true') =>
  (await service.rows(`select id from webhook_events where ${where} order by id`)).map((row) =>
    String(row.id),
  )
const clicks = async (outreach = 1) =>
  (await service.rows('select link_clicks from outreach where id = $1', outreach))[0]?.link_clicks
const statuses = async () =>
  (await service.rows('select status from webhook_events order by id')).map((row) => row.status)

/** A click of outreach 2 that fails on every attempt, until `cure`. */
const killOne = async () => {
  await seedOutreach(service, 2)
  await service.rows(`
    create or replace function poison() returns trigger language plpgsql as $$ begin raise exception 'poisoned'; end $$;
    create or replace trigger poison before update on outreach for each row when (new.id = 2) execute function poison()`)
  const poisoned = event('click', { outreach_id: 2 })
  await deliverAndSettle(service, poisoned)
  for (let attempt = 2; attempt <= 8; attempt++) {
    service.advance(15 * HOUR)
    await service.settled()
  }
  return poisoned
}
const cure = () => service.rows('drop trigger poison on outreach')

test('a replay of a processed event applies nothing again, and says so', async () => {
  await deliverAndSettle(service, event('click'), event('bounce'))
  const before = await service.rows('select processed_at from webhook_events order by id')
  expect(await replayEvents(service.db, await ids(), by, service.now())).toMatchObject({
    replayed: 2,
    left: 0,
  })
  service.advance(1_000)
  await service.settled()
  expect(await statuses()).toEqual(['processed', 'processed'])
  expect(await clicks()).toBe(1)
  expect(await service.rows('select bounce_count from contacts')).toEqual([{ bounce_count: 1 }])
  expect(await service.rows('select processed_at from webhook_events order by id')).toEqual(before)
})

test('a replay of a dead event applies it, with who asked and why on record', async () => {
  await killOne()
  const [id] = await ids(`status = 'dead'`)
  await cure()
  expect(await replayEvents(service.db, [id as string], by, service.now())).toMatchObject({ replayed: 1 })
  await service.settled()
  expect(await clicks(2)).toBe(1)
  const shown = await showEvent(service.db, id as string)
  expect(shown).toMatchObject({ status: 'processed', attempts: 1, lastError: 'poisoned' })
  expect(shown?.actions).toMatchObject([
    {
      action: 'replay',
      operator: 'kim',
      via: 'command line',
      reason: 'the cause is gone',
      statusBefore: 'dead',
      errorBefore: 'poisoned',
    },
  ])
})

test('a replay that fails again goes through all attempts again', async () => {
  await killOne()
  await replayEvents(service.db, await ids(`status = 'dead'`), by, service.now())
  await service.settled()
  expect(await service.rows('select status, attempts from webhook_events')).toEqual([
    { status: 'pending', attempts: 1 },
  ])
})

test('a replay of an event skipped for a missing row waits for it again', async () => {
  await deliverAndSettle(service, event('click', { outreach_id: 9 }))
  for (let minute = 0; minute < 20; minute++) {
    service.advance(60_000)
    await service.settled()
  }
  expect(await statuses()).toEqual(['skipped'])
  await replayEvents(service.db, await ids(), by, service.now())
  await service.settled()
  expect(await statuses()).toEqual(['pending'])
  await seedOutreach(service, 9)
  service.advance(11_000)
  await service.settled()
  expect(await statuses()).toEqual(['processed'])
  expect(await clicks(9)).toBe(1)
})

test('a replay of an ignored event looks for a handler again', async () => {
  await deliverAndSettle(service, event('open'))
  // As if it had come before its handler was written.
  await service.rows(`update webhook_events set event_type = 'click'`)
  await replayEvents(service.db, await ids(), by, service.now())
  await service.settled()
  expect(await statuses()).toEqual(['processed'])
  expect(await clicks()).toBe(1)
})

test('a pending event that waits for its next try is tried now; one that is due is left alone', async () => {
  await seedOutreach(service, 2)
  await deliverAndSettle(service, event('click', { outreach_id: 9 }))
  await seedOutreach(service, 9)
  expect(await replayEvents(service.db, await ids(), by, service.now())).toMatchObject({ replayed: 1 })
  await service.settled()
  expect(await clicks(9)).toBe(1)

  await service.app.close()
  await service.rows(
    `update webhook_events set status = 'pending', next_attempt_at = now() - interval '1 minute'`,
  )
  expect(await replayEvents(service.db, await ids(), by, service.now())).toEqual({
    replayed: 0,
    left: 1,
    lastDueAt: null,
  })
})

test('what has no payload any more, is locked or does not exist is left alone', async () => {
  await deliverAndSettle(service, event('click'), event('click'), event('click'))
  const [gone, locked, free] = (await ids()) as [string, string, string]
  await service.rows('update webhook_events set delivery_id = null where id = $1', gone)
  const locker = await service.db.connect()
  try {
    await locker.query('begin')
    await locker.query('select from webhook_events where id = $1 for update', [locked])
    const replayed = await replayEvents(service.db, [gone, locked, free, '999999'], by, service.now())
    expect(replayed).toMatchObject({ replayed: 1, left: 3 })
  } finally {
    await locker.query('rollback')
    locker.release()
  }
  expect(await service.rows('select event_row_id from operator_actions')).toEqual([{ event_row_id: free }])
})

describe('replaying all that match', () => {
  const fill = (count: number, status: string) =>
    storeEvents(
      service.db,
      Array.from({ length: count }, (_, n) => ({
        eventId: `${status}${n + 1}`,
        subject: 'outreach:1',
        payload: { event: 'click', outreach_id: 1 },
        status,
        receivedAt: new Date(service.now().getTime() - 3_600_000),
        lastError: 'it failed',
      })),
    )

  test('spreads them over time, and applies each once, live events first', async () => {
    // More than one batch of 500.
    await fill(600, 'dead')
    await fill(10, 'skipped')
    // An hour ahead, so that none is due before the live event, however slow the machine is.
    const now = new Date(service.now().getTime() + 3_600_000)
    const replayed = await replayMatching(service.db, { status: 'dead' }, by, { now, most: 10_000 })
    expect(replayed).toMatchObject({ replayed: 600, left: 0 })
    expect(replayed.lastDueAt?.getTime()).toBe(now.getTime() + 599 * 20)
    const perSecond = await service.rows(
      `select count(*)::int as n from operator_actions group by date_trunc('second', due_at - $1::timestamptz) order by 1`,
      now,
    )
    expect(perSecond).toEqual(Array(12).fill({ n: 50 }))

    await deliverAndSettle(service, event('click'))
    expect(await clicks()).toBe(1)
    expect(
      await ids(`event_type = 'click' and status = 'processed' and event_id like 'event-%'`),
    ).toHaveLength(1)
    service.advance(3_600_000 + 15_000)
    await eventually(async () => Number(await clicks()) >= 601 || undefined, 'all are applied', 80)
    await service.settled()
    expect(await clicks()).toBe(601)
    expect(await ids(`status = 'skipped'`)).toHaveLength(10)
  }, 100_000)

  test('stops at the limit, and the next request continues after it, in rows and in time', async () => {
    await service.app.close()
    await fill(700, 'dead')
    const now = service.now()
    const first = await replayMatching(service.db, { status: 'dead' }, by, { now, most: 600 })
    expect(first).toMatchObject({ replayed: 600 })
    const second = await replayMatching(service.db, { status: 'dead' }, by, { now, most: 600 })
    expect(second).toMatchObject({ replayed: 100 })
    expect(second.lastDueAt?.getTime()).toBeGreaterThan(first.lastDueAt?.getTime() ?? 0)
    expect(await service.rows('select count(distinct due_at)::int as n from operator_actions')).toEqual([
      { n: 699 },
    ])
  })
})

test('discarding a dead event ends it for good: no redelivery revives it, its error stays on record', async () => {
  const poisoned = await killOne()
  await deliverAndSettle(service, event('click'))
  const reason = { ...by, reason: 'a test of ours' }
  expect(await discardDead(service.db, await ids(), reason, service.now())).toBe(1)
  const [id] = await ids(`status = 'skipped'`)
  await cure()
  await deliver(service, poisoned)
  await service.settled()
  const shown = await showEvent(service.db, id as string)
  expect(shown).toMatchObject({ status: 'skipped', lastError: 'discarded: a test of ours' })
  expect(shown?.actions).toMatchObject([{ action: 'discard', statusBefore: 'dead', errorBefore: 'poisoned' }])
  expect(await clicks(2)).toBe(0)
})

test('deleting an event takes what refers to it along, except what operators did', async () => {
  await deliverAndSettle(service, event('spamreport'))
  await replayEvents(service.db, await ids(), by, service.now())
  expect(await service.rows('select from event_notifications')).toHaveLength(1)
  await service.rows('delete from webhook_events')
  expect(await service.rows('select from event_notifications')).toHaveLength(0)
  expect(await service.rows('select from operator_actions')).toHaveLength(1)
})
