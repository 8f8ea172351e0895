import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { post } from '../../provider-contract.ts'
import type { Service } from '../../service.ts'
import { bodyOf, event, sendgridEnv, signed } from '../sendgrid/deliveries.ts'
import { deliverAndSettle, lastEvent, lastMail, type MailOptions, mail, startMailgun } from './deliveries.ts'
import { freshOutreach, pushesAbout } from './fresh-outreach.ts'

let service: Service
beforeAll(async () => {
  service = await startMailgun(sendgridEnv)
})
afterAll(() => service.stop())

/** A fresh outreach of a company's job, and mails that answer it. */
const fresh = async (status?: string) => {
  const { id: outreachId, contact, recipient, thread } = await freshOutreach(service, { status })
  await service.rows(`insert into companies (id, name) values ($1, 'Acme')`, outreachId)
  await service.rows(`insert into jobs (id, company_id) values ($1, $1)`, outreachId)
  await service.rows(`update applications set job_id = $1 where id = $1`, outreachId)
  const row = async (table: string) =>
    (await service.rows(`select * from ${table} where id = $1`, outreachId))[0]
  const steps = () =>
    service.rows('select status, cancelled_reason from sequence_steps where outreach_id = $1', outreachId)
  const answer = (options: MailOptions = {}) =>
    deliverAndSettle(
      service,
      mail({
        sender: contact,
        recipient,
        ...options,
        headers: { ...thread, ...options.headers },
      }),
    )
  const pushes = () => pushesAbout(service, outreachId)
  const report = async (type: string) => {
    await post(service, '/webhooks/sendgrid', signed(bodyOf([event(type, { outreach_id: outreachId })])))
    await service.settled()
  }
  return { outreachId, row, steps, answer, pushes, report }
}

test('a reply stops the sequence and moves the application on', async () => {
  const { outreachId, row, steps, answer, pushes } = await fresh('delivered')
  await answer()
  const { occurred_at } = (await lastEvent(service)) ?? {}
  expect(await row('outreach')).toMatchObject({ status: 'replied', replied_at: occurred_at })
  expect(await steps()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: 'replied' }))
  expect(await row('applications')).toMatchObject({ status: 'interviewing', reply_status: 'replied' })
  expect(await row('contacts')).toMatchObject({ opted_out: false })
  expect(await pushes()).toEqual([
    {
      userId: String(outreachId),
      title: 'Reply received!',
      body: 'Ana at Acme replied',
      url: `/applications/${outreachId}`,
      outreachId: String(outreachId),
    },
  ])
  expect(
    service.logs.find((line) => line.msg === 'Reply detected' && line.outreachId === String(outreachId)),
  ).toMatchObject({
    level: 30,
    provider: 'mailgun',
    matchedBy: 'thread',
  })
  expect(await lastMail(service)).toMatchObject({
    outreach_id: String(outreachId),
    from_email: `contact${outreachId}@example.com`,
    recipient: `box${outreachId}@rf-send-01.com`,
    subject: 'Re: Quick question',
    body_text: 'Tuesday works for me.',
    kind: 'reply',
    matched_by: 'thread',
    attachments: [],
  })
})

describe('a second reply', () => {
  test('is kept, and the user is not notified again', async () => {
    const { outreachId, row, answer, pushes } = await fresh()
    await answer()
    const first = await row('outreach')
    service.advance(60_000)
    await answer()
    expect(await row('outreach')).toEqual(first)
    expect(await pushes()).toHaveLength(1)
    expect(
      await service.rows('select kind from inbound_messages where outreach_id = $1', outreachId),
    ).toHaveLength(2)
  })
  test('does not notify again when the first job has long been deleted', async () => {
    const { answer, pushes } = await fresh()
    await answer()
    await service.rows(`delete from pgboss.job where name = 'notify-push'`)
    await answer()
    expect(await pushes()).toEqual([])
  })
  test('that was signed before the first one sets the earlier time', async () => {
    const { row, answer } = await fresh()
    service.advance(3_600_000)
    await answer()
    const late = (await lastEvent(service))?.occurred_at as Date
    service.advance(-3_600_000)
    await answer()
    const early = (await lastEvent(service))?.occurred_at as Date
    expect(early.getTime()).toBeLessThan(late.getTime())
    expect(await row('outreach')).toMatchObject({ replied_at: early })
  })
})

for (const [name, options, kind] of [
  [
    'an out-of-office',
    { headers: { 'Auto-Submitted': 'auto-replied', Subject: 'Out of office' } },
    'auto_reply',
  ],
  [
    'an Exchange out-of-office, with an empty envelope sender,',
    { sender: '', headers: { From: 'Ana <ana@acme.example>' } },
    'auto_reply',
  ],
  ['a bounce', { headers: { 'X-Failed-Recipients': 'ana@acme.example' } }, 'bounce'],
] as const) {
  test(`${name} is kept and changes nothing`, async () => {
    const { outreachId, row, steps, answer, pushes } = await fresh('delivered')
    const before = [await row('outreach'), await row('applications'), await row('contacts'), await steps()]
    await answer(options)
    expect(await lastMail(service)).toMatchObject({ kind, outreach_id: null, matched_by: null })
    expect([await row('outreach'), await row('applications'), await row('contacts'), await steps()]).toEqual(
      before,
    )
    expect(await pushes()).toEqual([])
    expect(await lastEvent(service)).toMatchObject({ status: 'processed', subject: `outreach:${outreachId}` })
  })
}

describe('an application', () => {
  for (const status of ['interviewing', 'offer', 'rejected', 'withdrawn']) {
    test(`that is ${status} is not moved`, async () => {
      const { outreachId, row, answer } = await fresh()
      await service.rows('update applications set status = $1 where id = $2', status, outreachId)
      await answer()
      expect(await row('applications')).toMatchObject({ status, reply_status: null })
      expect(await row('outreach')).toMatchObject({ status: 'replied' })
    })
  }
})

describe('the push', () => {
  for (const [name, change, body] of [
    ['without a company', 'update jobs set company_id = null where id = $1', 'Ana replied'],
    ['without a job', 'update applications set job_id = null where id = $1', 'Ana replied'],
    ['without a first name', `update contacts set first_name = ' ' where id = $1`, 'Someone at Acme replied'],
    [
      'without names',
      `with c as (update contacts set first_name = null where id = $1) update companies set name = null where id = $1`,
      'Someone replied',
    ],
  ] as const) {
    test(`${name} says ${body}`, async () => {
      const { outreachId, answer, pushes } = await fresh()
      await service.rows(change, outreachId)
      await answer()
      expect(await pushes()).toMatchObject([{ body }])
    })
  }
  test('is left out without a user or an application', async () => {
    for (const change of [
      'update applications set user_id = null where id = $1',
      'update outreach set application_id = null where id = $1',
    ]) {
      const { outreachId, row, answer, pushes } = await fresh()
      await service.rows(change, outreachId)
      await answer()
      expect(await pushes()).toEqual([])
      expect(await row('outreach')).toMatchObject({ status: 'replied' })
    }
  })
})

describe('a request to stop', () => {
  test('opts the contact out, and is a reply all the same', async () => {
    const { outreachId, row, steps, answer, pushes } = await fresh()
    const other = await fresh()
    await service.rows('update outreach set contact_id = $1 where id = $2', outreachId, other.outreachId)
    await answer({
      text: 'Please unsubscribe me.\r\n\r\n> Quick question',
      strippedText: 'Please unsubscribe me.',
    })
    expect(await row('contacts')).toMatchObject({ opted_out: true, opted_out_reason: 'unsubscribed' })
    for (const one of [steps, other.steps]) {
      expect(await one()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: 'unsubscribed' }))
    }
    expect(await row('outreach')).toMatchObject({ status: 'replied' })
    expect(await pushes()).toHaveLength(1)
  })
  test('of an automatic mail does not', async () => {
    const { row, answer } = await fresh()
    await answer({ text: 'unsubscribe', headers: { 'Auto-Submitted': 'auto-replied' } })
    expect(await row('contacts')).toMatchObject({ opted_out: false })
  })
})

describe('of several reasons the strongest stands', () => {
  for (const [type, reason] of [
    ['spamreport', 'spam'],
    ['unsubscribe', 'unsubscribed'],
  ] as const) {
    for (const replyFirst of [true, false]) {
      test(`a reply ${replyFirst ? 'before' : 'after'} ${type} leaves the reason ${reason}`, async () => {
        const { steps, answer, report, row } = await fresh()
        if (replyFirst) await answer()
        await report(type)
        if (!replyFirst) await answer()
        expect(await steps()).toEqual(Array(2).fill({ status: 'cancelled', cancelled_reason: reason }))
        expect(await row('contacts')).toMatchObject({ opted_out_reason: reason })
      })
    }
  }
  test('steps that were sent, or that another service cancelled, stay', async () => {
    const { outreachId, steps, answer } = await fresh()
    await service.rows(
      `update sequence_steps set status = case position when 1 then 'sent' else 'cancelled' end,
       cancelled_reason = case position when 2 then 'edited' end where outreach_id = $1`,
      outreachId,
    )
    const before = await steps()
    await answer()
    expect(await steps()).toEqual(before)
  })
})

test('a spam report is not hidden by a reply', async () => {
  const { row, answer } = await fresh('spam')
  await answer()
  expect(await row('outreach')).toMatchObject({ status: 'spam', replied_at: expect.any(Date) })
})

test('a mail is applied once when its handler fails at first', async () => {
  const { outreachId, answer, pushes } = await fresh()
  await service.rows(`
    create function poison() returns trigger language plpgsql as $$ begin raise exception 'poisoned'; end $$;
    create trigger poison before update on applications for each row when (new.id = ${outreachId}) execute function poison()`)
  await answer()
  expect(await lastEvent(service)).toMatchObject({ status: 'pending', attempts: 1 })
  expect(await service.rows('select from inbound_messages where outreach_id = $1', outreachId)).toEqual([])
  expect(await pushes()).toEqual([])
  await service.rows('drop trigger poison on applications')
  service.advance(13_000)
  await service.settled()
  expect(await lastEvent(service)).toMatchObject({ status: 'processed', attempts: 2 })
  expect(await service.rows('select from inbound_messages where outreach_id = $1', outreachId)).toHaveLength(
    1,
  )
  expect(await pushes()).toHaveLength(1)
})
