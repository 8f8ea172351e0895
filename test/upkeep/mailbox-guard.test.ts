import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resumeMailbox } from '../../src/operations/mailboxes.ts'
import { mailboxGuard } from '../../src/upkeep/mailbox-guard.ts'
import { deliverAndSettle, event, seedOutreach, startSendgrid } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { runTask } from './run.ts'

let service: Service
let id = 0
beforeAll(async () => {
  service = await startSendgrid()
  await service.app.jobs.started
})
afterAll(() => service.stop())

const DAY = 86_400_000
const BY = { operator: 'ana', via: 'command line', reason: 'the list is cleaned' } as const

/** A mailbox from which this many mails were sent within the week, the first of them as outreach of the same id. */
const sending = async (sent: number) => {
  const mailboxId = ++id
  await seedOutreach(service, mailboxId)
  await service.rows('update outreach set sent_at = $1 where id = $2', service.now(), mailboxId)
  await service.rows(
    `insert into outreach (id, from_mailbox, status, sent_at)
     select $1::int * 10000 + n, 'BOX' || $1::int || '@rf-send-01.com', 'sent', $3::timestamptz - interval '1 hour'
     from generate_series(2, $2::int) n`,
    mailboxId,
    sent,
    service.now(),
  )
  const report = (type: string, count: number, fields: Record<string, unknown> = {}) =>
    deliverAndSettle(
      service,
      ...Array.from({ length: count }, () => event(type, { outreach_id: String(mailboxId), ...fields })),
    )
  const row = async () => (await service.rows('select * from mailboxes where id = $1', mailboxId))[0]
  const alerts = async () =>
    (
      await service.rows(
        `select data -> 'data' as data from pgboss.job
         where name = 'notify-slack' and data ->> 'key' like $1 order by created_on`,
        `mailbox:%:${mailboxId}:%`,
      )
    ).map(({ data }) => data as { channel: string; text: string })
  return { mailboxId, email: `Box${mailboxId}@rf-send-01.com`, report, row, alerts }
}
const guard = () => runTask(mailboxGuard, service)

describe('the mailbox guard', () => {
  test('leaves alone a mailbox that does well, or that sent too little to judge', async () => {
    const well = await sending(100)
    await well.report('bounce', 2)
    const little = await sending(49)
    await little.report('bounce', 10)
    await little.report('spamreport', 5)
    expect(await guard()).toEqual([])
    for (const { row, alerts } of [well, little]) {
      expect(await row()).toMatchObject({ paused_at: null, paused_reason: null, warned_at: null })
      expect(await alerts()).toEqual([])
    }
  })

  test('warns once at 3 % bounces, blocked ones included', async () => {
    const { mailboxId, email, report, row, alerts } = await sending(100)
    await report('bounce', 1)
    await report('bounce', 2, { type: 'blocked' })
    expect(await guard()).toEqual([{ mailbox: String(mailboxId), verdict: 'warn' }])
    expect(await row()).toMatchObject({ warned_at: expect.any(Date), paused_at: null })
    await report('bounce', 1)
    expect(await guard()).toEqual([])
    expect(await alerts()).toEqual([
      {
        channel: 'ops',
        text: `⚠️ The mailbox ${email} is at risk: 3 of 100 mails of the last 7 days bounced (3.0 %). Runbook: https://github.com/roleferry/roleferry-webhooks/blob/main/docs/runbooks/mailbox-guard.md`,
      },
    ])
  })

  test('warns of a single spam report', async () => {
    const { mailboxId, report } = await sending(50)
    await report('spamreport', 1)
    expect(await guard()).toEqual([{ mailbox: String(mailboxId), verdict: 'warn' }])
  })

  test('pauses at 5 % bounces, with an alert, and has then nothing more to say', async () => {
    const { mailboxId, email, report, row, alerts } = await sending(100)
    await report('bounce', 5)
    expect(await guard()).toEqual([{ mailbox: String(mailboxId), verdict: 'pause' }])
    expect(await row()).toMatchObject({
      paused_at: expect.any(Date),
      paused_reason: '5 of 100 mails of the last 7 days bounced (5.0 %)',
    })
    await report('bounce', 5)
    expect(await guard()).toEqual([])
    expect(await alerts()).toEqual([
      { channel: 'ops', text: expect.stringContaining(`The mailbox ${email} is paused: 5 of 100 mails`) },
    ])
  })

  test('pauses at three spam reports, and at 0.3 % from 500 mails on', async () => {
    const three = await sending(60)
    await three.report('spamreport', 3)
    const two = await sending(500)
    await two.report('spamreport', 2)
    const few = await sending(499)
    await few.report('spamreport', 2)
    await guard()
    expect(await three.row()).toMatchObject({
      paused_reason: '3 of 60 mails of the last 7 days were reported as spam (5.0 %)',
    })
    expect(await two.row()).toMatchObject({ paused_at: expect.any(Date) })
    expect(await few.row()).toMatchObject({ paused_at: null, warned_at: expect.any(Date) })
  })

  test('looks at seven days only, of mails and of bounces', async () => {
    const { report, row } = await sending(100)
    await report('bounce', 5)
    service.advance(7 * DAY + 60_000)
    await guard()
    expect(await row()).toMatchObject({ paused_at: null, warned_at: null })
  })

  test('warns again when a week has passed since the warning and all was well meanwhile', async () => {
    const { mailboxId, report, row, alerts } = await sending(50)
    await report('spamreport', 1)
    await guard()
    service.advance(8 * DAY)
    await guard()
    expect(await row()).toMatchObject({ warned_at: null })
    await service.rows(
      `update outreach set sent_at = $1 where lower(from_mailbox) = $2`,
      service.now(),
      `box${mailboxId}@rf-send-01.com`,
    )
    await report('spamreport', 1)
    await guard()
    expect(await alerts()).toHaveLength(2)
  })

  test('two at once pause and alert once', async () => {
    const { report, row, alerts } = await sending(50)
    await report('bounce', 10)
    await Promise.all([guard(), guard(), guard()])
    expect(await row()).toMatchObject({ paused_at: expect.any(Date) })
    expect(await alerts()).toHaveLength(1)
  })
})

describe('a mailbox that an operator resumes', () => {
  const paused = async () => {
    const mailbox = await sending(100)
    await mailbox.report('bounce', 6)
    await guard()
    return mailbox
  }
  const resume = (address: string) => resumeMailbox(service.db, address, BY, service.now())

  test('may send again; who did it, when and why is kept, and the rates of that moment', async () => {
    const { mailboxId, email, row } = await paused()
    expect(await resume(email.toUpperCase())).toBe('resumed')
    expect(await row()).toMatchObject({
      paused_at: null,
      paused_reason: null,
      resumed_at: expect.any(Date),
      resumed_bounce_rate: 0.06,
      resumed_spam_rate: 0,
    })
    expect(
      await service.rows(
        'select * from operator_actions where subject = $1',
        `mailbox:box${mailboxId}@rf-send-01.com`,
      ),
    ).toMatchObject([{ action: 'resume mailbox', event_row_id: null, ...BY }])
    expect(await resume(email)).toBe('not paused')
    expect(await resume('nobody@rf-send-01.com')).toBe('not found')
  })

  test('is paused again within a week only at twice the rate', async () => {
    const { email, report, row, alerts } = await paused()
    await resume(email)
    expect(await guard()).toEqual([])
    await report('bounce', 5)
    expect(await guard()).toEqual([])
    expect(await row()).toMatchObject({ paused_at: null })
    await report('bounce', 1)
    await guard()
    expect(await row()).toMatchObject({ paused_at: expect.any(Date) })
    expect(await alerts()).toHaveLength(2)
  })

  test('is paused for spam reports as ever, when it was paused for bounces', async () => {
    const { email, report, row } = await paused()
    await resume(email)
    await report('spamreport', 3)
    await guard()
    expect(await row()).toMatchObject({ paused_reason: expect.stringContaining('spam') })
  })

  test('is judged as ever after a week', async () => {
    const { mailboxId, email, report, row } = await paused()
    await resume(email)
    service.advance(7 * DAY)
    await service.rows(
      `update outreach set sent_at = $1 where lower(from_mailbox) = $2`,
      service.now(),
      `box${mailboxId}@rf-send-01.com`,
    )
    await report('bounce', 6)
    await guard()
    expect(await row()).toMatchObject({ paused_at: expect.any(Date) })
  })
})
