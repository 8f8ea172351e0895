import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import {
  deliver,
  deliverAndSettle,
  lastEvent,
  lastMail,
  type MailOptions,
  mail,
  startMailgun,
} from './deliveries.ts'
import { freshOutreach, pushesAbout } from './fresh-outreach.ts'

// Whose mail it is, and what somebody else's mail cannot do. Every outreach n goes from box{n} to contact{n}, for an
// application of user{n}.

let service: Service
beforeAll(async () => {
  service = await startMailgun()
})
afterAll(() => service.stop())

const fresh = () => freshOutreach(service)
const pushes = (outreachId: number) => pushesAbout(service, outreachId)

/** Everything that a mail could change, but the mails themselves. */
const everything = async () => ({
  outreach: await service.rows('select * from outreach order by id'),
  applications: await service.rows('select * from applications order by id'),
  contacts: await service.rows('select * from contacts order by id'),
  steps: await service.rows('select * from sequence_steps order by id'),
  pushes: await service.rows(`select id from pgboss.job where name = 'notify-push' order by id`),
})

/** Posts a mail that must change nothing, and gives its row. */
const withoutEffect = async (options: MailOptions) => {
  const before = await everything()
  await deliverAndSettle(service, mail(options))
  expect(await everything()).toEqual(before)
  expect(await lastEvent(service)).toMatchObject({ status: 'processed' })
  return await lastMail(service)
}
const optedOut = async () =>
  (await service.rows('select id from contacts where opted_out order by id')).map((row) => Number(row.id))

describe('our own mail that comes by changes nothing:', () => {
  test.each([
    ['a follow-up of the mailbox', (n: number) => ({ sender: `box${n}@rf-send-01.com` })],
    ['with a plus-tag', (n: number) => ({ sender: `box${n}+jobs@rf-send-01.com` })],
    [
      'with a name and in another case',
      (n: number) => ({ headers: { From: `Sam <BOX${n}@rf-send-01.com>` } }),
    ],
    ['of the user', (n: number) => ({ sender: `user${n}@roleferry.example` })],
    [
      'of the user, encoded',
      (n: number) => ({ headers: { From: `=?utf-8?q?Sam_Sm=C3=ADth?= <user${n}@roleferry.example>` } }),
    ],
  ])('%s, in the thread', async (_, write) => {
    const { id, recipient, thread } = await fresh()
    await service.rows('update users set email = $1 where id = $2', `User${id}@RoleFerry.example`, id)
    const { headers, ...options } = write(id) as MailOptions
    expect(await withoutEffect({ recipient, ...options, headers: { ...thread, ...headers } })).toMatchObject({
      kind: 'own',
      matched_by: null,
    })
  })
  test('of a mailbox that only outreach names, without a thread', async () => {
    const { id, recipient } = await fresh()
    await service.rows(`update outreach set from_mailbox = 'other-sender@rf-send-01.com' where id = $1`, id)
    expect(await withoutEffect({ recipient, sender: 'other-sender@rf-send-01.com' })).toMatchObject({
      kind: 'own',
    })
  })
  test('the outreach itself, by its Message-Id, whatever its From', async () => {
    const { id, contact, recipient } = await fresh()
    await service.rows(`update outreach set message_id = '<Own-1@geopod>' where id = $1`, id)
    for (const messageId of ['<Own-1@geopod>', '<own-1@geopod>', `<outreach_${id}@rf-send-01.com>`]) {
      const headers = { 'Message-Id': messageId, From: `Sam <sam@elsewhere.example>` }
      expect(await withoutEffect({ recipient, sender: contact, headers })).toMatchObject({ kind: 'own' })
    }
  })
  test('the user without the thread is a person like any other', async () => {
    const { id, recipient } = await fresh()
    await service.rows(`update users set email = 'sam.user@roleferry.example' where id = $1`, id)
    await deliverAndSettle(service, mail({ recipient, sender: 'sam.user@roleferry.example' }))
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', matched_by: 'mailbox' })
  })
  test('the user of another application is a person', async () => {
    const [one, other] = [await fresh(), await fresh()]
    await service.rows(`update users set email = 'other.user@roleferry.example' where id = $1`, other.id)
    const { recipient, thread: headers } = one
    await deliverAndSettle(service, mail({ recipient, sender: 'other.user@roleferry.example', headers }))
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', matched_by: 'thread' })
  })
})

describe('an applicant system that writes by itself', () => {
  const greenhouse = {
    sender: 'bounces@us.greenhouse-mail.io',
    headers: { From: 'Acme <no-reply@us.greenhouse-mail.io>', Subject: 'Thank you for applying!' },
  }
  test('is not matched to any outreach', async () => {
    const { recipient } = await fresh()
    expect(await withoutEffect({ recipient, ...greenhouse })).toMatchObject({
      kind: 'auto_reply',
      matched_by: null,
    })
  })
  test('carries a reply in our thread', async () => {
    const { id, recipient, thread } = await fresh()
    const headers = { ...greenhouse.headers, Subject: 'Re: Your opening', ...thread }
    await deliverAndSettle(service, mail({ recipient, ...greenhouse, headers }))
    expect(await lastMail(service)).toMatchObject({
      kind: 'reply',
      matched_by: 'thread',
      outreach_id: String(id),
    })
  })
})

describe('in our thread', () => {
  test.each([
    'Vacation next week - can we talk on Friday?',
    'Out of office on Friday, does Thursday work?',
    'Abwesenheitsvertretung gesucht',
    'Automatic payments: a question about your mail',
    'Réponse automatique au recruteur ? Non !',
  ])('"%s" is a person', async (Subject) => {
    const { id, contact: sender, recipient, thread } = await fresh()
    await deliverAndSettle(service, mail({ recipient, sender, headers: { ...thread, Subject } }))
    expect(await lastMail(service)).toMatchObject({
      kind: 'reply',
      subject: Subject,
      outreach_id: String(id),
    })
  })
  test('the contact accepting an invitation is a person', async () => {
    const { id, contact: sender, recipient } = await fresh()
    const headers = {
      Subject: 'Accepted: Call',
      'Content-Type': 'text/calendar; charset="utf-8"; method=REPLY',
      'Auto-Submitted': 'auto-generated',
    }
    await deliverAndSettle(service, mail({ recipient, sender, headers }))
    expect(await lastMail(service)).toMatchObject({
      kind: 'reply',
      matched_by: 'sender',
      outreach_id: String(id),
    })
    expect(await withoutEffect({ recipient, sender: 'calendar@evil.example', headers })).toMatchObject({
      kind: 'auto_reply',
    })
  })
  test.each([
    ['as a file', [{ field: 'attachment-1', name: 'invite.ics', type: 'application/ics' }]],
    ['as a part', [{ field: 'attachment-1', name: 'meeting', type: 'text/calendar' }]],
  ])('the contact accepting an invitation, %s, is a person', async (_, files) => {
    const { id, contact: sender, recipient } = await fresh()
    const calendar = (method: string) =>
      files.map((file) => ({
        ...file,
        content: Buffer.from(
          `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:${method}\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n`,
        ),
      }))
    const headers = { Subject: 'Accepted: Call', 'Auto-Submitted': 'auto-generated' }
    await deliverAndSettle(service, mail({ recipient, sender, headers }), calendar('REPLY'))
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', outreach_id: String(id) })
    await deliverAndSettle(service, mail({ recipient, sender, headers }), calendar('CANCEL'))
    expect(await lastMail(service)).toMatchObject({ kind: 'auto_reply', outreach_id: null })
    const eve = mail({ recipient, sender: 'eve@evil.example', headers })
    await deliverAndSettle(service, eve, calendar('REPLY'))
    expect(await lastMail(service)).toMatchObject({ kind: 'auto_reply', outreach_id: null })
  })
  test.each([
    ['a feedback report', 'complaint', { 'Content-Type': 'multipart/report; report-type=feedback-report' }],
    ['a challenge', 'auto_reply', { From: 'Ana <ana.challenge@boxbe.com>' }],
    [
      'an absence',
      'auto_reply',
      { Precedence: 'junk', Subject: 'Re: Your opening (out of office until Monday)' },
    ],
    ['a note of Notes', 'auto_reply', { Subject: 'AUTO: Ana is out of the office (returning Monday)' }],
    ['an absence of iCloud', 'auto_reply', { 'X-Apple-Action': 'VACATION' }],
    ['a bounce', 'bounce', { From: 'postmaster@acme.example' }],
  ])('%s has no effect', async (_, kind, headers) => {
    const { contact: sender, recipient, thread } = await fresh()
    expect(await withoutEffect({ recipient, sender, headers: { ...thread, ...headers } })).toMatchObject({
      kind,
    })
  })
})

describe('no person can opt out another:', () => {
  test('strangers who ask to stop, without a thread or with one', async () => {
    const before = await optedOut()
    const some = [await fresh(), await fresh(), await fresh()]
    for (const [n, { id, recipient, thread }] of some.entries()) {
      for (const headers of [{}, thread, { 'In-Reply-To': `<outreach_${id}@evil.example>` }]) {
        await deliverAndSettle(
          service,
          mail({ recipient, sender: `x${n}@evil.example`, text: 'unsubscribe', headers }),
        )
        expect(await lastMail(service)).toMatchObject({ kind: 'reply' })
      }
    }
    expect(await optedOut()).toEqual(before)
  })
  test('a stranger with the button of a mail program', async () => {
    const { recipient, thread } = await fresh()
    for (const headers of [{ Subject: 'unsubscribe' }, { Subject: 'unsubscribe', ...thread }]) {
      const options = { recipient, sender: 'x@evil.example', text: GMAIL, headers }
      expect(await withoutEffect(options)).toMatchObject({ kind: 'unsubscribe' })
    }
  })
  test('a contact who asks in the thread of another contact opts out alone', async () => {
    const before = await optedOut()
    const [one, other] = [await fresh(), await fresh()]
    const { recipient, thread: headers } = one
    await deliverAndSettle(
      service,
      mail({ recipient, sender: other.contact, text: 'Please remove me', headers }),
    )
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', outreach_id: String(one.id) })
    expect(await optedOut()).toEqual([...before, other.id])
  })
  test('a contact who names the address of another', async () => {
    const before = await optedOut()
    const [one, other] = [await fresh(), await fresh()]
    const { recipient, contact: sender, thread: headers } = one
    await deliverAndSettle(
      service,
      mail({ recipient, sender, text: `unsubscribe ${other.contact}`, headers }),
    )
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', outreach_id: String(one.id) })
    expect(await optedOut()).toEqual(before)
    await deliverAndSettle(service, mail({ recipient, sender, text: `unsubscribe ${one.contact}`, headers }))
    expect(await optedOut()).toEqual([...before, one.id])
  })
  test('the envelope does not speak for the contact', async () => {
    const before = await optedOut()
    const { contact, recipient } = await fresh()
    const headers = { From: 'Eve <eve@evil.example>' }
    await deliverAndSettle(service, mail({ recipient, sender: contact, text: 'unsubscribe', headers }))
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', matched_by: 'sender' })
    expect(await optedOut()).toEqual(before)
  })
  test('one of several addresses in From speaks for itself, not for the others', async () => {
    const before = await optedOut()
    const [one, other] = [await fresh(), await fresh()]
    const headers = { From: `${one.contact}, ${other.contact}` }
    const { recipient } = one
    await deliverAndSettle(service, mail({ recipient, sender: one.contact, text: 'unsubscribe', headers }))
    expect(await optedOut()).toEqual([...before, one.id])
  })
})

const GMAIL = 'This message was automatically generated by Gmail.'
const APPLE = 'Apple Mail sent this email to unsubscribe from the message "Your opening".'

describe('a request to stop from the contact', () => {
  test.each([
    ['by Gmail', { text: GMAIL, headers: { Subject: 'unsubscribe' } }],
    ['by Apple Mail', { text: APPLE, headers: { Subject: 'Unsubscribe' } }],
    ['by a list client', { text: '', headers: { Subject: 'unsubscribe' } }],
    ['by a list client that signs', { text: '-- \nAna', headers: { Subject: 'unsubscribe' } }],
  ])('with the button, %s, opts out and does nothing else', async (_, options) => {
    const before = await optedOut()
    const { id, contact, recipient } = await fresh()
    await deliverAndSettle(service, mail({ recipient, sender: contact, ...options }))
    expect(await lastMail(service)).toMatchObject({
      kind: 'unsubscribe',
      matched_by: 'sender',
      outreach_id: String(id),
    })
    expect(await optedOut()).toEqual([...before, id])
    expect((await service.rows('select * from contacts where id = $1', id))[0]).toMatchObject({
      opted_out_reason: 'unsubscribed',
    })
    expect((await service.rows('select * from outreach where id = $1', id))[0]).toMatchObject({
      status: 'sent',
      replied_at: null,
    })
    expect((await service.rows('select * from applications where id = $1', id))[0]).toMatchObject({
      status: 'applied',
    })
    expect(
      await service.rows(
        'select distinct status, cancelled_reason from sequence_steps where outreach_id = $1',
        id,
      ),
    ).toEqual([{ status: 'cancelled', cancelled_reason: 'unsubscribed' }])
    expect(await pushes(id)).toEqual([])
  })
  test('in a mail that is HTML alone opts out', async () => {
    const before = await optedOut()
    const { id, contact: sender, recipient } = await fresh()
    const fields = mail({ recipient, sender, text: '' }).filter(([name]) => name !== 'stripped-text')
    await deliverAndSettle(service, [
      ...fields,
      ['body-html', '<html><body><p>Please remove me.</p></body></html>'],
    ])
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', body_text: 'Please remove me.' })
    expect(await optedOut()).toEqual([...before, id])
  })
  test('with the button opts out every contact with the address', async () => {
    const before = await optedOut()
    const [one, other] = [await fresh(), await fresh()]
    await service.rows('update contacts set email = upper($1) where id = $2', one.contact, other.id)
    const headers = { Subject: 'unsubscribe' }
    await deliverAndSettle(
      service,
      mail({ recipient: one.recipient, sender: one.contact, text: GMAIL, headers }),
    )
    expect(await optedOut()).toEqual([...before, one.id, other.id])
  })
  test('with the button does not count where no outreach went to the address', async () => {
    const [one, other] = [await fresh(), await fresh()]
    const headers = { Subject: 'unsubscribe' }
    const { recipient } = other
    expect(await withoutEffect({ recipient, sender: one.contact, text: GMAIL, headers })).toMatchObject({
      kind: 'unsubscribe',
      outreach_id: null,
    })
  })
  test('in words, in any thread of the mailbox, opts out every contact with the address', async () => {
    const before = await optedOut()
    const [one, other] = [await fresh(), await fresh()]
    await service.rows('update contacts set email = $1 where id = $2', one.contact, other.id)
    const { recipient, contact: sender, thread: headers } = one
    await deliverAndSettle(
      service,
      mail({ recipient, sender, text: 'Please take me off your list.', headers }),
    )
    expect(await optedOut()).toEqual([...before, one.id, other.id])
    expect(await pushes(one.id)).toHaveLength(1)
  })
})

describe('a later answer is reported', () => {
  test('after an automatic mail', async () => {
    const { id, contact: sender, recipient, thread: headers } = await fresh()
    for (const automatic of [
      { 'Auto-Submitted': 'auto-replied' },
      { Subject: '=?UTF-8?Q?R=C3?= =?UTF-8?Q?=A9ponse_automatique?=' },
    ]) {
      expect(await withoutEffect({ recipient, sender, headers: { ...headers, ...automatic } })).toMatchObject(
        { kind: 'auto_reply' },
      )
    }
    expect(await lastMail(service)).toMatchObject({ subject: 'Réponse automatique' })
    await deliverAndSettle(service, mail({ recipient, sender, headers }))
    expect(await pushes(id)).toHaveLength(1)
  })
  test('after the button was pressed', async () => {
    const { id, contact: sender, recipient } = await fresh()
    await deliverAndSettle(
      service,
      mail({ recipient, sender, text: GMAIL, headers: { Subject: 'unsubscribe' } }),
    )
    await deliverAndSettle(service, mail({ recipient, sender, text: 'I changed my mind: call me.' }))
    expect(await pushes(id)).toHaveLength(1)
  })
  test('where another service had marked the outreach as replied', async () => {
    const { id, contact: sender, recipient, thread: headers } = await fresh()
    await service.rows(
      `update outreach set status = 'replied', replied_at = now() - interval '1 hour' where id = $1`,
      id,
    )
    await deliverAndSettle(service, mail({ recipient, sender, headers }))
    await deliverAndSettle(service, mail({ recipient, sender, headers }))
    expect(await pushes(id)).toHaveLength(1)
  })
})

test('steps of a contact who was opted out before they were there are cancelled by a reply, for that reason', async () => {
  const { id, contact: sender, recipient, thread: headers } = await fresh()
  await service.rows(`update contacts set opted_out = true, opted_out_reason = 'spam' where id = $1`, id)
  await deliverAndSettle(service, mail({ recipient, sender, headers }))
  expect(
    await service.rows(
      'select distinct status, cancelled_reason from sequence_steps where outreach_id = $1',
      id,
    ),
  ).toEqual([{ status: 'cancelled', cancelled_reason: 'spam' }])
})

describe('with several recipient fields', () => {
  const again: [string, string][] = [['recipient', 'mallory@elsewhere.example']]
  test('only the thread matches', async () => {
    const { id, contact: sender, recipient, thread: headers } = await fresh()
    for (const fields of [
      [...again, ...mail({ sender, recipient })],
      [...mail({ sender, recipient }), ...again],
    ]) {
      await deliverAndSettle(service, fields)
      expect(await lastMail(service)).toMatchObject({ kind: 'reply', matched_by: null, outreach_id: null })
    }
    await deliverAndSettle(service, [...again, ...mail({ sender, recipient, headers })])
    expect(await lastMail(service)).toMatchObject({
      kind: 'reply',
      matched_by: 'thread',
      outreach_id: String(id),
    })
  })
  test('a button counts in the thread of the contact alone', async () => {
    const before = await optedOut()
    const { id, contact: sender, recipient, thread } = await fresh()
    const button = (headers: Record<string, string>) =>
      mail({ sender, recipient, text: GMAIL, headers: { Subject: 'unsubscribe', ...headers } })
    await deliverAndSettle(service, [...again, ...button({})])
    expect(await optedOut()).toEqual(before)
    await deliverAndSettle(service, [...again, ...button(thread)])
    expect(await optedOut()).toEqual([...before, id])
  })
  test('the same one twice counts once', async () => {
    const { id, contact: sender, recipient } = await fresh()
    await deliverAndSettle(service, [['recipient', recipient], ...mail({ sender, recipient })])
    expect(await lastMail(service)).toMatchObject({ matched_by: 'sender', outreach_id: String(id) })
  })
})

describe('two different mails with one Message-Id that says nothing are both kept:', () => {
  test.each([
    '<@>',
    '<>',
    '<unknown>',
    '<1@localhost>',
    '<x@LOCALHOST>',
    '< @ >',
    'x@',
    '@x',
    '<x@ >',
    '<1@localhost.localdomain>',
    '<undefined@undefined>',
    '<(null)@(null)>',
  ])('%s', async (messageId) => {
    const { contact: sender, recipient } = await fresh()
    const headers = { 'Message-Id': messageId }
    const first = mail({ sender, recipient, headers, text: 'one' })
    expect(await deliver(service, first)).toMatchObject({ body: { status: 'ok' } })
    expect(await deliver(service, mail({ sender, recipient, headers, text: 'two' }))).toMatchObject({
      body: { status: 'ok' },
    })
    expect(await deliver(service, first)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
    await service.settled()
    expect(
      await service.rows(
        'select body_text from inbound_messages where recipient = $1 order by body_text',
        recipient,
      ),
    ).toEqual([{ body_text: 'one' }, { body_text: 'two' }])
  })
})

describe('a mail with neither sender nor recipient', () => {
  test('is skipped, marked and alerted once, and can be replayed', async () => {
    for (const _ of [1, 2]) {
      const fields = mail().filter(([name]) => name !== 'sender' && name !== 'recipient')
      expect(await deliverAndSettle(service, fields)).toMatchObject({ status: 200, body: { status: 'ok' } })
      expect(await lastEvent(service)).toMatchObject({
        status: 'skipped',
        misunderstood: expect.stringContaining('neither a sender nor a recipient'),
      })
    }
    expect(
      await service.rows(
        `select data -> 'data' ->> 'channel' as channel from pgboss.job where name = 'notify-slack'`,
      ),
    ).toEqual([{ channel: 'ops' }])
  })
  test('one with either is understood', async () => {
    for (const missing of ['sender', 'recipient']) {
      const fields = mail().filter(([name]) => name !== missing)
      await deliverAndSettle(service, fields)
      expect(await lastEvent(service)).toMatchObject({ status: 'processed', misunderstood: null })
    }
    await deliverAndSettle(service, mail({ sender: '' }))
    expect(await lastEvent(service)).toMatchObject({ status: 'processed', misunderstood: null })
  })
})
