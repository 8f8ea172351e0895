import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { deliverAndSettle, event, seedOutreach, startSendgrid } from './deliveries.ts'

let service: Service
let id = 100
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

/** A fresh outreach with a contact, and what its tests look at. */
const fresh = async () => {
  const outreachId = ++id
  await seedOutreach(service, outreachId)
  const email = `contact${outreachId}@example.com`
  return { outreachId, email, about: aboutOutreach(outreachId) }
}
const aboutOutreach =
  (outreachId: number) =>
  (type: string, fields: Record<string, unknown> = {}) =>
    event(type, { outreach_id: String(outreachId), ...fields })
const contact = async (contactId: number) =>
  (
    await service.rows(
      'select bounce_count, spam_reports, opted_out, opted_out_reason, last_contacted_at from contacts where id = $1',
      contactId,
    )
  )[0]
const outreach = async (outreachId: number) =>
  (await service.rows('select * from outreach where id = $1', outreachId))[0]
const steps = async (outreachId: number) =>
  (
    await service.rows(
      'select status, cancelled_reason from sequence_steps where outreach_id = $1 order by id',
      outreachId,
    )
  ).map((row) => row.cancelled_reason ?? row.status)
const lastEvent = async () => (await service.rows('select * from webhook_events order by id desc limit 1'))[0]
const alerts = async (like: string) =>
  (
    await service.rows(
      `select data -> 'data' ->> 'channel' as channel, data -> 'data' ->> 'text' as text
       from pgboss.job where name = 'notify-slack' and data -> 'data' ->> 'text' like $1 order by created_on`,
      like,
    )
  ).map(({ channel, text }) => `${channel}: ${text}`)
/** Another row for a contact, and an outreach to it with a scheduled step. */
const another = async (email: string): Promise<number> => {
  const other = ++id
  await service.rows('insert into contacts (id, email) values ($1, $2)', other, email)
  await service.rows(`insert into outreach (id, contact_id, status) values ($1, $1, 'sent')`, other)
  await service.rows('insert into sequence_steps (outreach_id, position) values ($1, 1)', other)
  return other
}
/** Until waiting for an outreach is over. */
const waitItOut = async () => {
  for (let minute = 0; minute < 16; minute++) {
    service.advance(60_000)
    await service.settled()
  }
}

describe('a drop counts by its reason', () => {
  test('what a spam report put on the list opts the contact out, without a count and without an alert', async () => {
    const { outreachId, about } = await fresh()
    await deliverAndSettle(service, about('dropped', { reason: 'Spam Reporting Address' }))
    expect(await contact(outreachId)).toMatchObject({
      opted_out: true,
      opted_out_reason: 'spam',
      spam_reports: 0,
    })
    expect(await outreach(outreachId)).toMatchObject({ status: 'dropped' })
    expect(await steps(outreachId)).toEqual(['spam', 'spam'])
    expect(await alerts(`%outreach ${outreachId}.%`)).toEqual([])
  })
  test('what an unsubscription put on the list opts the contact out', async () => {
    for (const reason of ['Unsubscribed Address', 'unsubscribed address', ' UNSUBSCRIBED ADDRESS ']) {
      const { outreachId, about } = await fresh()
      await deliverAndSettle(service, about('dropped', { reason }))
      expect(await contact(outreachId)).toMatchObject({ opted_out: true, opted_out_reason: 'unsubscribed' })
    }
  })
  test('what a bounce put on the list is a bounce of the contact, not of the mailbox', async () => {
    const { outreachId, about } = await fresh()
    await deliverAndSettle(
      service,
      about('bounce', { type: 'bounce' }),
      about('dropped', { reason: 'Bounced Address' }),
    )
    expect(await contact(outreachId)).toMatchObject({ bounce_count: 2, opted_out: false })
    await deliverAndSettle(service, about('dropped', { reason: 'invalid' }))
    expect(await contact(outreachId)).toMatchObject({
      bounce_count: 3,
      opted_out: true,
      opted_out_reason: 'bounces',
    })
    expect(await service.rows('select bounce_count_7d from mailboxes where id = $1', outreachId)).toEqual([
      { bounce_count_7d: 1 },
    ])
    expect(
      service.logs.find((line) => line.msg === 'suppressed' && line.contactId === String(outreachId)),
    ).toMatchObject({ level: 40, bounces: 3 })
  })
  test('any other reason says nothing about the contact', async () => {
    const { outreachId, about } = await fresh()
    const before = await contact(outreachId)
    for (const reason of [
      'Invalid SMTPAPI header',
      'Spam Content',
      'Recipient List over Package Quota',
      'New',
    ]) {
      await deliverAndSettle(service, about('dropped', { reason }))
      expect(await lastEvent()).toMatchObject({ status: 'processed' })
    }
    expect(await contact(outreachId)).toEqual(before)
    expect(await outreach(outreachId)).toMatchObject({ status: 'dropped' })
  })
  test('without a reason it is not understood, and changes nothing', async () => {
    for (const reason of [undefined, null, '', ' ', {}, ['Bounced Address'], false]) {
      const { outreachId, about } = await fresh()
      await deliverAndSettle(service, about('dropped', { reason }))
      expect(await lastEvent()).toMatchObject({
        status: 'skipped',
        last_error: 'the event has no usable "reason"',
        misunderstood: expect.stringContaining('dropped'),
      })
      expect(await outreach(outreachId)).toMatchObject({ status: 'sent' })
    }
    expect(await alerts('%dropped%')).toEqual([expect.stringMatching(/^ops: /)])
  })
})

describe('what an event says about a person', () => {
  test('goes to every contact with the address, whatever its letter case', async () => {
    const { outreachId, email, about } = await fresh()
    const other = await another(email.toUpperCase())
    await deliverAndSettle(service, about('spamreport', { email: email.replace('c', 'C') }))
    for (const one of [outreachId, other]) {
      expect(await contact(one)).toMatchObject({ opted_out: true, opted_out_reason: 'spam', spam_reports: 1 })
      expect(new Set(await steps(one))).toEqual(new Set(['spam']))
    }
    expect(await outreach(other)).toMatchObject({ status: 'sent' })
  })
  test('goes to no other person: a copy changes only the outreach and its mailbox', async () => {
    const { outreachId, about } = await fresh()
    const before = await contact(outreachId)
    const copy = { email: 'bcc@crm.example' }
    await deliverAndSettle(
      service,
      about('delivered', copy),
      about('bounce', copy),
      about('bounce', copy),
      about('bounce', copy),
      about('spamreport', copy),
      about('unsubscribe', copy),
      about('group_unsubscribe', copy),
      about('dropped', { ...copy, reason: 'Spam Reporting Address' }),
    )
    expect(await contact(outreachId)).toEqual(before)
    expect(await outreach(outreachId)).toMatchObject({ status: 'spam' })
    expect(
      await service.rows('select bounce_count_7d, spam_reports_7d from mailboxes where id = $1', outreachId),
    ).toEqual([{ bounce_count_7d: 3, spam_reports_7d: 1 }])
    expect(await steps(outreachId)).toEqual(['scheduled', 'scheduled'])
  })
  test('goes to the one who got the copy, when that is a contact, too', async () => {
    const { outreachId, about } = await fresh()
    const other = await another(`assistant${outreachId}@example.com`)
    await deliverAndSettle(service, about('unsubscribe', { email: `Assistant${outreachId}@example.com` }))
    expect(await contact(other)).toMatchObject({ opted_out: true, opted_out_reason: 'unsubscribed' })
    expect(await steps(other)).toEqual(['unsubscribed'])
    expect(await contact(outreachId)).toMatchObject({ opted_out: false })
    expect(await steps(outreachId)).toEqual(['scheduled', 'scheduled'])
  })
  test('is about the outreach’s contact when it has no address', async () => {
    for (const email of [undefined, null, '', '  ', {}, []]) {
      const { outreachId, about } = await fresh()
      await deliverAndSettle(service, about('bounce', { email }), about('delivered', { email }))
      expect(await contact(outreachId)).toMatchObject({
        bounce_count: 1,
        last_contacted_at: expect.any(Date),
      })
    }
  })
  test('counts once for each row of the person', async () => {
    const { outreachId, email, about } = await fresh()
    const other = await another(email)
    await deliverAndSettle(service, about('bounce'), about('bounce'), about('delivered'))
    for (const one of [outreachId, other]) {
      expect(await contact(one)).toMatchObject({ bounce_count: 2, last_contacted_at: expect.any(Date) })
    }
  })
})

describe('an event that names no outreach', () => {
  const unnamed = { outreach_id: undefined, sg_message_id: '' }

  test('changes the contacts with its address all the same', async () => {
    const { outreachId, email } = await fresh()
    await deliverAndSettle(service, event('bounce', { ...unnamed, email, type: 'bounce' }))
    expect(await lastEvent()).toMatchObject({ status: 'processed' })
    expect(await contact(outreachId)).toMatchObject({ bounce_count: 1 })
    await deliverAndSettle(service, event('dropped', { ...unnamed, email, reason: 'Invalid' }))
    expect(await contact(outreachId)).toMatchObject({ bounce_count: 2 })
    await deliverAndSettle(service, event('group_unsubscribe', { ...unnamed, email }))
    expect(await contact(outreachId)).toMatchObject({ opted_out: true, opted_out_reason: 'unsubscribed' })
    expect(await outreach(outreachId)).toMatchObject({ status: 'sent' })
    expect(await service.rows('select bounce_count_7d from mailboxes where id = $1', outreachId)).toEqual([
      { bounce_count_7d: 0 },
    ])
  })
  test('does not say that the contact was mailed, or that a link was followed', async () => {
    const { outreachId, email } = await fresh()
    for (const type of ['delivered', 'processed', 'click']) {
      await deliverAndSettle(service, event(type, { ...unnamed, email }))
      expect(await lastEvent()).toMatchObject({
        status: 'skipped',
        last_error: 'outreach not found: the event names none',
        misunderstood: null,
      })
    }
    expect(await contact(outreachId)).toMatchObject({ last_contacted_at: null })
  })
  test('is skipped when no contact has its address', async () => {
    for (const type of ['bounce', 'unsubscribe', 'group_unsubscribe']) {
      await deliverAndSettle(service, event(type, { ...unnamed, email: 'stranger@example.com' }))
      expect(await lastEvent()).toMatchObject({ status: 'skipped', misunderstood: null })
    }
  })
  test('alerts when it is a spam report, with the contact or without', async () => {
    const { outreachId, email } = await fresh()
    await deliverAndSettle(service, event('spamreport', { ...unnamed, email }))
    expect(await contact(outreachId)).toMatchObject({ opted_out_reason: 'spam', spam_reports: 1 })
    expect(await lastEvent()).toMatchObject({ status: 'processed' })
    expect(await alerts(`%Contact: ${outreachId}`)).toEqual([
      `deliverability: 🚨 Spam report without outreach. Contact: ${outreachId}`,
    ])
    await deliverAndSettle(service, event('spamreport', { ...unnamed, email: 'stranger@example.com' }))
    expect(await lastEvent()).toMatchObject({ status: 'skipped' })
    expect(await alerts('%Contact: unknown')).toEqual([
      'deliverability: 🚨 Spam report without outreach. Contact: unknown',
    ])
    expect(service.logs.filter((line) => line.msg === 'spam report' && line.outreachId === null)).toEqual([
      expect.objectContaining({ level: 60, contactId: String(outreachId) }),
      expect.objectContaining({ level: 60, contactId: null }),
    ])
  })
  test('is one of many in the log: one line a minute with their number', async () => {
    const lines = () => service.logs.filter((line) => String(line.msg).includes('names none'))
    const logged = lines().length
    await deliverAndSettle(service, ...Array.from({ length: 40 }, () => event('click', unnamed)))
    await deliverAndSettle(service, ...Array.from({ length: 40 }, () => event('click', unnamed)))
    expect(lines().length).toBe(logged)
    expect(lines()[0]).toMatchObject({ level: 40, provider: 'sendgrid', events: expect.any(Number) })
  })
})

describe('an outreach that never comes', () => {
  test('is waited for 15 minutes; then the event counts for the contact alone', async () => {
    const { outreachId, email } = await fresh()
    const missing = String(++id)
    await deliverAndSettle(service, event('spamreport', { outreach_id: missing, email }))
    expect(await lastEvent()).toMatchObject({ status: 'pending', attempts: 0 })
    expect(await contact(outreachId)).toMatchObject({ opted_out: false })
    await waitItOut()
    expect(await lastEvent()).toMatchObject({ status: 'processed', attempts: 1 })
    expect(await contact(outreachId)).toMatchObject({
      opted_out: true,
      opted_out_reason: 'spam',
      spam_reports: 1,
    })
    expect(await steps(outreachId)).toEqual(['spam', 'spam'])
    expect(await alerts(`%Contact: ${outreachId}`)).toHaveLength(1)
    expect(service.logs.filter((line) => line.msg === 'outreach not found')).toEqual([
      expect.objectContaining({ level: 40, outreachId: missing }),
    ])
  })
  test('changes nothing when no contact has the address either', async () => {
    const missing = String(++id)
    await deliverAndSettle(service, event('bounce', { outreach_id: missing, email: 'stranger@example.com' }))
    await waitItOut()
    expect(await lastEvent()).toMatchObject({ status: 'skipped', last_error: 'outreach not found' })
  })
})

describe('steps of an outreach that becomes known after its contact opted out', () => {
  /** Inserts an outreach to a contact, with two scheduled steps. */
  const insertLate = async (outreachId: number, contactId: number) => {
    await service.rows(
      `insert into outreach (id, contact_id, status) values ($1, $2, 'sent')`,
      outreachId,
      contactId,
    )
    await service.rows(
      'insert into sequence_steps (outreach_id, position) select $1, n from generate_series(1, 2) n',
      outreachId,
    )
  }

  test('are cancelled by the event that waited for it, with the contact’s reason', async () => {
    const { outreachId, email, about } = await fresh()
    const late = ++id
    await deliverAndSettle(service, about('unsubscribe'))
    await deliverAndSettle(service, aboutOutreach(late)('delivered', { email }))
    await insertLate(late, outreachId)
    service.advance(11_000)
    await service.settled()
    expect(await outreach(late)).toMatchObject({ status: 'delivered' })
    expect(await steps(late)).toEqual(['unsubscribed', 'unsubscribed'])
  })
  test('are cancelled by any handled event that finds it, whomever that went to', async () => {
    for (const [type, fields] of [
      ['processed', {}],
      ['click', {}],
      ['bounce', { email: 'bcc@crm.example', type: 'blocked' }],
      ['dropped', { email: 'bcc@crm.example', reason: 'Spam Content' }],
    ] as const) {
      const { outreachId, email, about } = await fresh()
      await deliverAndSettle(service, about('spamreport'))
      const late = ++id
      await insertLate(late, outreachId)
      await deliverAndSettle(service, aboutOutreach(late)(type, { email, ...fields }))
      expect(await steps(late)).toEqual(['spam', 'spam'])
    }
  })
  test('keep a stronger reason, and what was sent or cancelled by hand', async () => {
    const { outreachId, email, about } = await fresh()
    await deliverAndSettle(service, about('unsubscribe'))
    const late = ++id
    await insertLate(late, outreachId)
    await service.rows(
      `insert into sequence_steps (outreach_id, position, status, cancelled_reason) values
         ($1, 3, 'cancelled', 'replied'), ($1, 4, 'cancelled', 'spam'), ($1, 5, 'cancelled', 'edited'), ($1, 6, 'sent', null)`,
      late,
    )
    await deliverAndSettle(service, aboutOutreach(late)('click', { email }))
    expect(await steps(late)).toEqual([
      'unsubscribed',
      'unsubscribed',
      'unsubscribed',
      'spam',
      'edited',
      'sent',
    ])
  })
  test('stay when the contact is not opted out', async () => {
    const { outreachId, email } = await fresh()
    const late = ++id
    await insertLate(late, outreachId)
    await deliverAndSettle(service, aboutOutreach(late)('delivered', { email }))
    expect(await steps(late)).toEqual(['scheduled', 'scheduled'])
  })
})

describe('account_status_change', () => {
  test('alerts the ops channel, though it names no person', async () => {
    const account = { email: undefined, outreach_id: undefined, sg_message_id: undefined }
    await deliverAndSettle(
      service,
      event('account_status_change', { ...account, type: 'compliance_suspend' }),
    )
    expect(await lastEvent()).toMatchObject({ status: 'processed', misunderstood: null })
    expect(await alerts('%compliance_suspend%')).toEqual([expect.stringMatching(/^ops: ⚠️ SendGrid /)])
  })
  test('is not understood without its type', async () => {
    for (const type of [undefined, '', null, {}]) {
      await deliverAndSettle(service, event('account_status_change', { type }))
      expect(await lastEvent()).toMatchObject({
        status: 'skipped',
        last_error: 'the event has no usable "type"',
        misunderstood: expect.stringContaining('account_status_change'),
      })
    }
    expect(await alerts('%account_status_change%')).toHaveLength(1)
  })
})
