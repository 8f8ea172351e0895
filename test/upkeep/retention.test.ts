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
import { runTask } from './run.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
})
afterAll(() => service.stop())
afterEach(() => service.rows('truncate webhook_events, inbound_messages, mailbox_incidents cascade'))

const insert = async (count: number, status: string, days: number) => {
  await service.rows(
    `insert into webhook_events (provider, event_id, event_type, payload, status, received_at, processed_at, next_attempt_at)
     select 'sendgrid', gen_random_uuid(), 'click', '{"email": "ana@acme.example"}', $2, $3::timestamptz - $4::int * interval '1 day',
            case when $2 in ('processed', 'ignored') then $3::timestamptz end, $3::timestamptz + interval '1 day'
     from generate_series(1, $1)`,
    count,
    status,
    service.now(),
    days,
  )
}
/** `status: rows, payloads`. */
const left = async () =>
  Object.fromEntries(
    (
      await service.rows(
        `select status, count(*)::int as rows, count(payload)::int as payloads from webhook_events group by status`,
      )
    ).map((row) => [row.status, [row.rows, row.payloads]]),
  )

describe('retention of events', () => {
  test('goes by their outcome: payloads after 30 days, rows after 90', async () => {
    for (const status of ['processed', 'ignored', 'skipped', 'dead', 'pending']) {
      for (const days of [91, 89, 31, 29]) await insert(1, status, days)
    }
    const [report] = await runTask(retention, service)
    expect(report).toMatchObject({ events: 4, payloads: 4 })
    expect(await left()).toEqual({
      processed: [3, 1],
      ignored: [3, 1],
      skipped: [3, 3],
      dead: [3, 3],
      pending: [4, 4],
    })
    expect((await runTask(retention, service))[0]).toMatchObject({ events: 0, payloads: 0 })
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
    expect((await runTask(retention, service))[0]).toMatchObject({ events: 2_500, payloads: 2_500 })
    expect(await left()).toEqual({ pending: [1_500, 1_500], processed: [2_510, 10] })
  })

  test('passes by a row that somebody holds, and does not wait', async () => {
    await insert(3, 'processed', 100)
    const other = await service.db.connect()
    await other.query('begin')
    await other.query('select from webhook_events order by id limit 1 for update')
    await runTask(retention, service)
    expect(await left()).toEqual({ processed: [1, 1] })
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
  })
})

test('an event without its payload that is replayed is skipped and says why; one that was applied stays so', async () => {
  const [known] = [event('click')]
  await deliverAndSettle(service, known)
  await insert(1, 'dead', 1)
  await service.rows(
    `update webhook_events set payload = null, status = 'pending', attempts = 0, next_attempt_at = received_at`,
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
