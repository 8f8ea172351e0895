import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, type Service } from '../../service.ts'
import { deliver, deliverAndSettle, event, seedOutreach, startSendgrid } from './deliveries.ts'

let service: Service
let id = 100
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

/** A fresh outreach, and an event about it. */
const fresh = async (status?: string) => {
  const outreachId = ++id
  await seedOutreach(service, outreachId, status)
  const about = (type: string, fields: Record<string, unknown> = {}) =>
    event(type, { outreach_id: String(outreachId), ...fields })
  const row = async (table: string) =>
    (await service.rows(`select * from ${table} where id = $1`, outreachId))[0]
  const steps = () =>
    service.rows('select status, cancelled_reason from sequence_steps where outreach_id = $1', outreachId)
  return { outreachId, about, row, steps }
}
const seconds = (time: number) => new Date(time * 1_000)
const lastEvent = async () => (await service.rows('select * from webhook_events order by id desc limit 1'))[0]

describe('processed', () => {
  test('learns the message id from smtp-id and leaves the status', async () => {
    const { about, row } = await fresh()
    await deliverAndSettle(service, about('processed', { 'smtp-id': '<abc@host>' }))
    expect(await row('outreach')).toMatchObject({ message_id: '<abc@host>', status: 'sent' })
  })
  test('leaves a message id that another service wrote', async () => {
    const { outreachId, about, row } = await fresh()
    await service.rows(`update outreach set message_id = '<ours@host>' where id = $1`, outreachId)
    await deliverAndSettle(service, about('processed', { 'smtp-id': '<theirs@host>' }))
    expect(await row('outreach')).toMatchObject({ message_id: '<ours@host>' })
  })
})

describe('delivered', () => {
  test('sets the status, the latest times and the message id', async () => {
    const { about, row } = await fresh()
    await deliverAndSettle(
      service,
      about('delivered', { timestamp: 1_790_000_200, 'smtp-id': '<d@host>' }),
      about('delivered', { timestamp: 1_790_000_100, 'smtp-id': '<d@host>' }),
    )
    expect(await row('outreach')).toMatchObject({
      status: 'delivered',
      delivered_at: seconds(1_790_000_200),
      message_id: '<d@host>',
    })
    expect(await row('contacts')).toMatchObject({ last_contacted_at: seconds(1_790_000_200) })
    await deliverAndSettle(service, about('delivered', { timestamp: 1_790_000_050 }))
    expect(await row('outreach')).toMatchObject({ delivered_at: seconds(1_790_000_200) })
  })
  test('never hides a bounce or a reply that came before it', async () => {
    for (const status of ['bounced', 'replied', 'spam']) {
      const { about, row } = await fresh(status)
      await deliverAndSettle(service, about('delivered'))
      expect(await row('outreach')).toMatchObject({ status })
    }
  })
})

describe('bounce', () => {
  test('counts for the contact and the mailbox', async () => {
    const { about, row, steps } = await fresh()
    await deliverAndSettle(service, about('bounce', { type: 'bounce' }))
    expect(await row('outreach')).toMatchObject({ status: 'bounced' })
    expect(await row('contacts')).toMatchObject({ bounce_count: 1, opted_out: false, opted_out_reason: null })
    expect(await row('mailboxes')).toMatchObject({ bounce_count_7d: 1, health_score: 95 })
    expect(await steps()).toEqual(Array(2).fill({ status: 'scheduled', cancelled_reason: null }))
  })
  test('suppresses the contact from the third on, with a warning', async () => {
    const { outreachId, about, row, steps } = await fresh()
    await deliverAndSettle(service, about('bounce'), about('bounce'))
    expect(await row('contacts')).toMatchObject({ bounce_count: 2, opted_out: false })
    await deliverAndSettle(service, about('bounce'))
    expect(await row('contacts')).toMatchObject({
      bounce_count: 3,
      opted_out: true,
      opted_out_reason: 'bounces',
    })
    expect((await row('contacts'))?.opted_out_at).toBeInstanceOf(Date)
    expect(await steps()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: 'bounces' }))
    expect(await row('mailboxes')).toMatchObject({ bounce_count_7d: 3, health_score: 85 })
    const warning = service.logs.find(
      (line) => line.msg === 'suppressed' && line.contactId === String(outreachId),
    )
    expect(warning).toMatchObject({ level: 40, provider: 'sendgrid', eventType: 'bounce', bounces: 3 })
  })
  test('that is blocked is not the contact’s fault', async () => {
    const { about, row } = await fresh()
    await deliverAndSettle(service, about('bounce', { type: 'blocked' }))
    expect(await row('outreach')).toMatchObject({ status: 'bounced' })
    expect(await row('contacts')).toMatchObject({ bounce_count: 0 })
    expect(await row('mailboxes')).toMatchObject({ bounce_count_7d: 1 })
  })
})

describe('spamreport', () => {
  test('opts the contact out, lowers the mailbox’s health and alerts', async () => {
    const { outreachId, about, row, steps } = await fresh()
    await deliverAndSettle(service, about('spamreport'))
    expect(await row('outreach')).toMatchObject({ status: 'spam' })
    expect(await row('contacts')).toMatchObject({
      spam_reports: 1,
      opted_out: true,
      opted_out_reason: 'spam',
    })
    expect(await row('mailboxes')).toMatchObject({ spam_reports_7d: 1, health_score: 75 })
    expect(await steps()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: 'spam' }))
    expect(
      service.logs.find((line) => line.msg === 'spam report' && line.outreachId === String(outreachId)),
    ).toMatchObject({
      level: 60,
    })
    const job = await eventually(
      async () =>
        (
          await service.rows(
            `select data from pgboss.job where name = 'notify-slack' and data::text like $1`,
            `%outreach ${outreachId}.%`,
          )
        )[0],
      'the Slack alert is queued',
    )
    expect(job.data).toMatchObject({
      data: {
        channel: 'deliverability',
        text: `🚨 Spam report for outreach ${outreachId}. User: user${outreachId}@example.com`,
      },
    })
  })
})

describe('click', () => {
  test('adds to the count and keeps the earliest time', async () => {
    const { about, row } = await fresh('delivered')
    await deliverAndSettle(service, about('click', { timestamp: 1_790_000_500 }))
    await deliverAndSettle(
      service,
      about('click', { timestamp: 1_790_000_400 }),
      about('click', { timestamp: 1_790_000_600 }),
    )
    expect(await row('outreach')).toMatchObject({
      link_clicks: 3,
      clicked_at: seconds(1_790_000_400),
      status: 'delivered',
    })
  })
})

describe('unsubscribe and group_unsubscribe', () => {
  for (const type of ['unsubscribe', 'group_unsubscribe']) {
    test(`${type} opts the contact out`, async () => {
      const { about, row, steps } = await fresh()
      await deliverAndSettle(service, about(type))
      expect(await row('contacts')).toMatchObject({ opted_out: true, opted_out_reason: 'unsubscribed' })
      expect(await steps()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: 'unsubscribed' }))
      expect(await row('outreach')).toMatchObject({ status: 'sent' })
    })
  }
  test('cancels the steps of all outreach to that contact', async () => {
    const one = await fresh()
    const two = await fresh()
    await service.rows('update outreach set contact_id = $1 where id = $2', one.outreachId, two.outreachId)
    await deliverAndSettle(service, one.about('unsubscribe'))
    expect(await two.steps()).toEqual(
      Array(2).fill({ status: 'cancelled', cancelled_reason: 'unsubscribed' }),
    )
  })
  test('leaves steps that were sent or that another service cancelled', async () => {
    const { outreachId, about, steps } = await fresh()
    await service.rows(
      `update sequence_steps set status = case position when 1 then 'sent' else 'cancelled' end,
       cancelled_reason = case position when 2 then 'edited' end where outreach_id = $1`,
      outreachId,
    )
    const before = await steps()
    await deliverAndSettle(service, about('unsubscribe'))
    expect(await steps()).toEqual(before)
  })
})

test('the strongest reason stands, whichever comes first', async () => {
  for (const [first, second, expected] of [
    ['unsubscribe', 'spamreport', 'spam'],
    ['spamreport', 'unsubscribe', 'spam'],
  ] as const) {
    const { about, row, steps } = await fresh()
    await deliverAndSettle(service, about(first))
    await deliverAndSettle(service, about(second))
    expect(await row('contacts')).toMatchObject({ opted_out_reason: expected })
    expect(await steps()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: expected }))
  }
})

test('dropped raises the status, below delivered', async () => {
  const { about, row } = await fresh()
  await deliverAndSettle(service, about('dropped', { reason: 'Spam Content' }))
  expect(await row('outreach')).toMatchObject({ status: 'dropped' })
  await deliverAndSettle(service, about('delivered'))
  expect(await row('outreach')).toMatchObject({ status: 'delivered' })
})

test('other events are kept and ignored', async () => {
  for (const type of ['open', 'deferred', 'group_resubscribe', 'constructor', '__proto__']) {
    expect(await deliverAndSettle(service, event(type))).toMatchObject({ status: 200, body: { accepted: 1 } })
    expect(await lastEvent()).toMatchObject({ event_type: type, status: 'ignored' })
  }
})

describe('the outreach is found', () => {
  test('by the custom arg, as a number or as digits', async () => {
    for (const form of [Number, String]) {
      const { outreachId, about, row } = await fresh()
      await deliverAndSettle(service, about('click', { outreach_id: form(outreachId) }))
      expect(await row('outreach')).toMatchObject({ link_clicks: 1 })
      expect(await lastEvent()).toMatchObject({ subject: `outreach:${outreachId}` })
    }
  })
  test('by smtp-id when the custom arg is no usable id', async () => {
    for (const unusable of ['', 'abc', '12x', 0, -5, 1.5, '9223372036854775808', null, {}, [7], true]) {
      const { outreachId, about, row } = await fresh()
      await deliverAndSettle(
        service,
        about('click', { outreach_id: unusable, 'smtp-id': `<outreach_${outreachId}@rf-send-01.com>` }),
      )
      expect(await row('outreach')).toMatchObject({ link_clicks: 1 })
    }
  })
  test('by a message id that equals smtp-id', async () => {
    const { outreachId, about, row } = await fresh()
    await service.rows(
      'update outreach set message_id = $1 where id = $2',
      `<m-${outreachId}@host>`,
      outreachId,
    )
    await deliverAndSettle(
      service,
      about('click', { outreach_id: undefined, 'smtp-id': `<m-${outreachId}@host>` }),
    )
    expect(await row('outreach')).toMatchObject({ link_clicks: 1 })
  })
  test('by ids up to 2^63-1, exactly, even when written as a number', async () => {
    const largest = '9223372036854775807'
    await seedOutreach(service, largest)
    const wire = JSON.stringify([
      event('click', { outreach_id: 'ID' }),
      event('click', { outreach_id: largest }),
    ])
    const { signed } = await import('./deliveries.ts')
    const { post } = await import('../../provider-contract.ts')
    await post(service, '/webhooks/sendgrid', signed(wire.replace('"ID"', largest)))
    await service.settled()
    expect(await service.rows('select link_clicks from outreach where id = $1', largest)).toEqual([
      { link_clicks: 2 },
    ])
  })
})

describe('an outreach that is not there', () => {
  test('is waited for, which counts neither as an attempt nor as an error', async () => {
    const outreachId = ++id
    await deliverAndSettle(service, event('bounce', { outreach_id: outreachId }))
    expect(await lastEvent()).toMatchObject({ status: 'pending', attempts: 0, last_error: null })
    await seedOutreach(service, outreachId)
    service.advance(11_000)
    await service.settled()
    expect(await lastEvent()).toMatchObject({ status: 'processed' })
    expect(await service.rows('select status from outreach where id = $1', outreachId)).toEqual([
      { status: 'bounced' },
    ])
  })
  test('is given up after 15 minutes with one warning, and a redelivery tries again', async () => {
    const outreachId = ++id
    const late = event('bounce', { outreach_id: outreachId })
    await deliverAndSettle(service, late)
    for (let minute = 0; minute < 16; minute++) {
      service.advance(60_000)
      await service.settled()
    }
    expect(await lastEvent()).toMatchObject({ status: 'skipped', last_error: 'outreach not found' })
    const warnings = service.logs.filter((line) => line.outreachId === String(outreachId))
    expect(warnings).toEqual([expect.objectContaining({ level: 40, msg: 'outreach not found' })])
    await seedOutreach(service, outreachId)
    expect(await deliverAndSettle(service, late)).toMatchObject({
      body: { status: 'duplicate', processed_at: null },
    })
    expect(await lastEvent()).toMatchObject({ status: 'processed', attempts: 1 })
    expect(await service.rows('select status from outreach where id = $1', outreachId)).toEqual([
      { status: 'bounced' },
    ])
  })
  test('is skipped at once with a warning when the event names none', async () => {
    await deliverAndSettle(service, event('bounce', { outreach_id: undefined }))
    const row = await lastEvent()
    expect(row).toMatchObject({ status: 'skipped', last_error: 'outreach not found: the event names none' })
    expect(service.logs.find((line) => line.eventId === row?.event_id)).toMatchObject({ level: 40 })
  })
})

test('a missing contact, mailbox or application leaves out that part', async () => {
  const outreachId = ++id
  await service.rows(
    `insert into outreach (id, status, from_mailbox) values ($1, 'sent', 'nobody@example.com')`,
    outreachId,
  )
  const about = (type: string) => event(type, { outreach_id: outreachId })
  await deliverAndSettle(
    service,
    about('delivered'),
    about('bounce'),
    about('spamreport'),
    about('unsubscribe'),
  )
  expect(await service.rows('select status from outreach where id = $1', outreachId)).toEqual([
    { status: 'spam' },
  ])
  const rows = await service.rows(
    `select status from webhook_events where subject = $1`,
    `outreach:${outreachId}`,
  )
  expect(rows).toEqual(Array(4).fill({ status: 'processed' }))
})

test('an id that SendGrid re-issued under another sg_event_id is the same fact', async () => {
  const { about, row } = await fresh()
  const fact = about('click')
  await deliverAndSettle(service, fact)
  const again = await deliverAndSettle(service, { ...fact, sg_event_id: `reissued-${id}` })
  expect(again).toMatchObject({ status: 200, body: { status: 'duplicate' } })
  expect(await row('outreach')).toMatchObject({ link_clicks: 1 })
})

test('some new, some seen: counted apart', async () => {
  const { about } = await fresh()
  const seen = about('click')
  await deliverAndSettle(service, seen)
  const answer = await deliver(service, seen, about('click'), about('click'))
  expect(answer.body).toEqual({ status: 'ok', accepted: 2, duplicates: 1 })
  const twice = about('click')
  expect((await deliver(service, twice, twice)).body).toEqual({ status: 'ok', accepted: 1, duplicates: 1 })
  expect((await deliver(service)).body).toEqual({ status: 'ok', accepted: 0, duplicates: 0 })
  await service.settled()
})
