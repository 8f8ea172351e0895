import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { retention } from '../../src/upkeep/retention.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { storeEvents } from '../stored.ts'
import { runTask } from './run.ts'

const DAY = 86_400_000
let service: Service
beforeAll(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
})
afterAll(() => service.stop())
afterEach(() =>
  service.rows(
    'truncate webhook_deliveries, webhook_queue, webhook_events, inbound_messages, mailbox_incidents cascade',
  ),
)

const insert = (count: number, status: string, days: number) => {
  const receivedAt = new Date(service.now().getTime() - days * DAY)
  const done = status === 'processed' || status === 'ignored'
  return storeEvents(
    service.db,
    Array.from({ length: count }, () => ({
      eventId: crypto.randomUUID(),
      payload: { email: 'ana@acme.example' },
      status,
      receivedAt,
      processedAt: done ? service.now() : null,
      nextAttemptAt: status === 'pending' ? new Date(service.now().getTime() + DAY) : null,
    })),
  )
}
/** `status: rows, payloads`. */
const left = async () =>
  Object.fromEntries(
    (
      await service.rows(
        `select status, count(*)::int as rows, count(d.id)::int as payloads from webhook_events e
         left join webhook_deliveries d on d.id = e.delivery_id group by status`,
      )
    ).map((row) => [row.status, [row.rows, row.payloads]]),
  )
/** Makes the days that events of long ago would have come on. */
const makeDays = async (...daysAgo: number[]) => {
  for (const days of daysAgo) {
    await service.rows(
      'select webhook_make_days(($1::timestamptz at time zone $3)::date - $2::int, 0)',
      service.now(),
      days,
      'UTC',
    )
  }
}

describe('retention of events', () => {
  test('goes by their outcome: payloads after 30 days, rows after 90', async () => {
    for (const status of ['processed', 'ignored', 'skipped', 'dead', 'pending']) {
      for (const days of [91, 89, 31, 29]) await insert(1, status, days)
    }
    const [report] = await runTask(retention, service)
    expect(report).toMatchObject({ events: 4, deliveries: 10 })
    expect(await left()).toEqual({
      processed: [3, 1],
      ignored: [3, 1],
      skipped: [3, 1],
      dead: [3, 3],
      pending: [4, 4],
    })
    expect((await runTask(retention, service))[0]).toMatchObject({ events: 0, deliveries: 0, days: 0 })
  })

  test('drops a day of deliveries at once, and keeps what something still needs', async () => {
    await makeDays(31, 29)
    for (const status of ['processed', 'ignored', 'skipped', 'dead', 'pending']) await insert(2, status, 31)
    await insert(2, 'processed', 29)
    await service.rows(
      `update webhook_events set waiting_since = now() where id = (select min(id) from webhook_events where status = 'skipped')`,
    )
    await service.rows(
      `update webhook_events set misunderstood = 'why' where id = (select min(id) from webhook_events where status = 'ignored')`,
    )
    expect((await runTask(retention, service))[0]).toMatchObject({ events: 0, days: 1, deliveries: 0 })
    expect(await left()).toEqual({
      processed: [4, 2],
      ignored: [2, 1],
      skipped: [2, 1],
      dead: [2, 2],
      pending: [2, 2],
    })
  })

  test('follows the configuration, but keeps what is dead for 90 days all the same', async () => {
    for (const status of ['processed', 'skipped', 'dead']) await insert(2, status, 60)
    await runTask(retention, service, { RETENTION_EVENT_DAYS: '31', RETENTION_PAYLOAD_DAYS: '400' })
    expect(await left()).toEqual({ dead: [2, 2] })
  })

  test('keeps what was not understood with its payload, whatever became of it, for 90 days', async () => {
    for (const status of ['processed', 'ignored', 'skipped', 'pending']) {
      for (const days of [91, 89, 32]) await insert(1, status, days)
    }
    await service.rows(`update webhook_events set misunderstood = 'a new type'`)
    await runTask(retention, service, { RETENTION_EVENT_DAYS: '31', RETENTION_PAYLOAD_DAYS: '30' })
    expect(await left()).toEqual({ processed: [2, 2], ignored: [2, 2], skipped: [2, 2], pending: [3, 3] })
  })

  test('goes through any number in small pieces, past those that stay', async () => {
    await insert(1_500, 'pending', 200)
    await insert(2_500, 'processed', 100)
    await insert(2_500, 'processed', 40)
    await insert(10, 'processed', 1)
    expect((await runTask(retention, service))[0]).toMatchObject({ events: 2_500, deliveries: 5_000 })
    expect(await left()).toEqual({ pending: [1_500, 1_500], processed: [2_510, 10] })
  })

  test('skips a row that is locked, and does not wait', async () => {
    await insert(3, 'processed', 100)
    const other = await service.db.connect()
    await other.query('begin')
    await other.query('select from webhook_events order by id limit 1 for update')
    await runTask(retention, service)
    expect(await left()).toEqual({ processed: [1, 0] })
    await other.query('rollback')
    other.release()
  })

  test('does not hold up deliveries', async () => {
    await insert(20_000, 'processed', 100)
    let sweeping = true
    const sweep = runTask(retention, service).finally(() => {
      sweeping = false
    })
    let accepted = 0
    while (sweeping) {
      expect(await deliver(service, event('click'))).toMatchObject({ status: 200 })
      accepted++
    }
    expect((await sweep)[0]).toMatchObject({ events: 20_000 })
    expect(accepted).toBeGreaterThan(1)
    await service.settled()
    expect(await left()).toEqual({ processed: [accepted, accepted] })
  }, 180_000)
})

test('an event without its payload that is replayed is skipped and says why; one that was applied stays so', async () => {
  const [known] = [event('click')]
  await deliverAndSettle(service, known)
  await insert(1, 'dead', 1)
  await service.rows(
    `update webhook_events set delivery_id = null, status = 'pending', attempts = 0, next_attempt_at = received_at`,
  )
  await service.settled()
  const rows = await service.rows(
    `select status, last_error, processed_at is null as never from webhook_events order by id`,
  )
  expect(rows).toEqual([
    { status: 'processed', last_error: null, never: false },
    { status: 'skipped', last_error: expect.stringContaining('payload was deleted'), never: true },
  ])
})

test('the texts of replies go after a year, incidents once no count needs them', async () => {
  const ago = (days: number) => new Date(service.now().getTime() - days * 86_400_000)
  for (const days of [366, 364]) {
    await service.rows(
      `insert into inbound_messages (subject, body_text, from_email, received_at) values ('Re: hello', 'Yes!', 'a@b.example', $1)`,
      ago(days),
    )
  }
  for (const days of [9, 7.5, 1]) {
    await service.rows(
      `insert into mailbox_incidents (mailbox_id, kind, arrived_at) values (1, 'bounce', $1)`,
      ago(days),
    )
  }
  const [report] = await runTask(retention, service)
  expect(report).toMatchObject({ messages: 1, incidents: 1 })
  expect(
    await service.rows('select subject, body_text, from_email from inbound_messages order by id'),
  ).toEqual([
    { subject: null, body_text: null, from_email: 'a@b.example' },
    { subject: 'Re: hello', body_text: 'Yes!', from_email: 'a@b.example' },
  ])
  expect(await service.rows('select count(*)::int as n from mailbox_incidents')).toEqual([{ n: 2 }])
})
