import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import samples from '../../fixtures/mailgun/mailgun-samples.json' with { type: 'json' }
import { post } from '../../provider-contract.ts'
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

let service: Service
let id = 100
beforeAll(async () => {
  service = await startMailgun()
})
afterAll(() => service.stop())

interface Seed {
  contact?: string
  mailbox?: string
  messageId?: string | null
  status?: string
  /** Hours ago; null: not sent. */
  sent?: number | null
}
/** An outreach; by default from a mailbox and to a contact of its own. */
const outreach = async ({ contact, mailbox, messageId = null, status = 'sent', sent = 1 }: Seed = {}) => {
  const own = String(++id)
  await service.rows(
    `with c as (insert into contacts (email) values ($1) returning id)
     insert into outreach (id, contact_id, from_mailbox, message_id, status, sent_at)
     select $2, c.id, $3, $4, $5::outreach_status, now() - make_interval(hours => $6) from c`,
    contact ?? `contact${own}@example.com`,
    own,
    mailbox ?? `box${own}@rf-send-01.com`,
    messageId,
    status,
    sent,
  )
  return own
}
const matchOf = async (options: MailOptions) => {
  await deliverAndSettle(service, mail(options))
  const { outreach_id, matched_by } = (await lastMail(service)) ?? {}
  return { outreach_id, matched_by }
}
const by = (matched_by: string | null, outreach_id: string | null = null) => ({ outreach_id, matched_by })
const stranger = { sender: 'stranger@elsewhere.example', recipient: 'nobody@rf-send-01.com' }

describe('by thread', () => {
  test('In-Reply-To equals a message id', async () => {
    const one = await outreach({ messageId: '<thread-1@geopod>' })
    expect(await matchOf({ ...stranger, headers: { 'In-Reply-To': '<thread-1@geopod>' } })).toEqual(
      by('thread', one),
    )
  })
  test('a message id that was stored without its angle brackets', async () => {
    const one = await outreach({ messageId: 'thread-2@geopod' })
    expect(await matchOf({ ...stranger, headers: { 'In-Reply-To': '<thread-2@geopod>' } })).toEqual(
      by('thread', one),
    )
  })
  test('In-Reply-To or References name an outreach', async () => {
    const one = await outreach()
    for (const name of ['In-Reply-To', 'References']) {
      expect(await matchOf({ ...stranger, headers: { [name]: `<outreach_${one}@rf-send-01.com>` } })).toEqual(
        by('thread', one),
      )
      expect(await lastEvent(service)).toMatchObject({ subject: `outreach:${one}` })
    }
  })
  test('In-Reply-To counts before References, and of these the last', async () => {
    const [first, second, third] = [await outreach(), await outreach(), await outreach()]
    const named = (one: string) => `<outreach_${one}@rf-send-01.com>`
    const References = `<older@x.example> ${named(first)}\r\n ${named(second)} <newer@x.example>`
    expect(await matchOf({ ...stranger, headers: { References } })).toEqual(by('thread', second))
    expect(await matchOf({ ...stranger, headers: { References, 'In-Reply-To': named(third) } })).toEqual(
      by('thread', third),
    )
  })
  test('whatever the case of the header, with words beside the id, or without brackets', async () => {
    const one = await outreach({ messageId: '<thread-3@geopod>' })
    for (const headers of [
      { 'IN-REPLY-TO': '<thread-3@geopod>' },
      { 'In-Reply-To': 'Your message of Tue <thread-3@geopod>' },
      { 'in-reply-to': 'thread-3@geopod' },
    ]) {
      expect(await matchOf({ ...stranger, headers })).toEqual(by('thread', one))
    }
  })
  test('ids that no row can have do no harm', async () => {
    for (const [n, odd] of [
      '<outreach_99999999999999999999999@x>',
      '<outreach_0@x>',
      '<outreach_9223372036854775808@x>',
      '<outreach_-5@x>',
      `<${'x'.repeat(5_000)}@x>`,
      '<nul\u0000@x>',
      '<>',
      '<<<>>>',
    ].entries()) {
      const sender = `odd${n}@example.com`
      const one = await outreach({ contact: sender, mailbox: `odd${n}@rf-send-01.com` })
      expect(
        await matchOf({ sender, recipient: `odd${n}@rf-send-01.com`, headers: { 'In-Reply-To': odd } }),
      ).toEqual(by('sender', one))
    }
  })
})

describe('by sender', () => {
  test('the latest outreach that went from the mailbox to the sender, without case', async () => {
    const [contact, mailbox] = ['Ana.Lopez@Acme.example', 'Sam@RF-send-01.com']
    await outreach({ contact, mailbox, sent: 4 })
    const latest = await outreach({ contact: contact.toUpperCase(), mailbox, sent: 2 })
    await outreach({ contact, mailbox, sent: 3 })
    await outreach({ contact, mailbox, sent: null, status: 'scheduled' })
    await outreach({ contact, mailbox: 'other@rf-send-01.com', sent: 1 })
    await outreach({ contact: 'bob@acme.example', mailbox, sent: 1 })
    expect(await matchOf({ sender: 'ana.LOPEZ@acme.example', recipient: 'sam@rf-send-01.com' })).toEqual(
      by('sender', latest),
    )
  })
  test('From as people write it', async () => {
    const recipient = 'from@rf-send-01.com'
    for (const [contact, From] of [
      ['lopez@acme.example', '"Lopez, Ana" <Lopez@Acme.example>'],
      ['comment@acme.example', 'comment@acme.example (Ana (the) Lopez)'],
      ['group@acme.example', 'Team: group@acme.example, "B, b" <b@acme.example>;'],
      ['ana+jobs@acme.example', 'Ana <ana+jobs@acme.example>'],
      ['ana@bücher.example', 'Ana <ana@xn--bcher-kva.example>'],
      ['ana@xn--mller-kva.example', 'Ana <ana@Müller.example>'],
      ['quoted@acme.example', '"boss@elsewhere.example" <quoted@acme.example>'],
    ] as const) {
      const one = await outreach({ contact, mailbox: recipient })
      expect(await matchOf({ sender: 'bounces@relay.example', recipient, headers: { From } })).toEqual(
        by('sender', one),
      )
    }
  })
  test('the envelope sender when From says nothing', async () => {
    const one = await outreach({ contact: 'envelope@acme.example', mailbox: 'env@rf-send-01.com' })
    for (const From of [undefined, '', 'nobody at all', '<>']) {
      expect(
        await matchOf({
          sender: 'envelope@acme.example',
          recipient: 'env@rf-send-01.com',
          headers: { From },
        }),
      ).toEqual(by('sender', one))
    }
  })
  test('a plus address is another address', async () => {
    await outreach({ contact: 'plus@acme.example', mailbox: 'plus@rf-send-01.com', status: 'bounced' })
    expect(await matchOf({ sender: 'plus+x@acme.example', recipient: 'plus@rf-send-01.com' })).toEqual(
      by(null),
    )
  })
})

describe('by mailbox', () => {
  test('the latest outreach from it that is sent or delivered', async () => {
    const mailbox = 'Fallback@rf-send-01.com'
    await outreach({ mailbox, sent: 6 })
    const latest = await outreach({ mailbox, sent: 4, status: 'delivered' })
    await outreach({ mailbox, sent: 5 })
    for (const status of ['bounced', 'replied', 'spam', 'dropped', 'draft', 'scheduled']) {
      await outreach({ mailbox, sent: 3, status })
    }
    const recipient = mailbox.toLowerCase()
    expect(await matchOf({ ...stranger, recipient })).toEqual(by('mailbox', latest))
  })
  test('not when it is switched off', async () => {
    const other = await startMailgun({ REPLY_MATCH_FALLBACK: 'off' })
    try {
      await other.rows(
        `insert into outreach (from_mailbox, status, sent_at) values ('off@rf-send-01.com', 'sent', now())`,
      )
      await deliverAndSettle(other, mail({ ...stranger, recipient: 'off@rf-send-01.com' }))
      expect(await lastMail(other)).toMatchObject({ kind: 'reply', outreach_id: null, matched_by: null })
    } finally {
      await other.stop()
    }
  })
})

test('a mail that nothing matches is kept', async () => {
  expect(await matchOf(stranger)).toEqual(by(null))
  expect(await lastEvent(service)).toMatchObject({
    status: 'processed',
    event_type: 'inbound',
    subject: 'mailbox:nobody@rf-send-01.com',
  })
})

describe('a thread that is not known yet', () => {
  const late = { ...stranger, recipient: 'late@rf-send-01.com' }
  const waiting = async () => (await lastEvent(service))?.status === 'pending'

  test('is waited for, which is no attempt', async () => {
    await outreach({ mailbox: late.recipient })
    const fields = mail({ ...late, headers: { 'In-Reply-To': '<learned-later@geopod>' } })
    await deliverAndSettle(service, fields)
    expect(await lastEvent(service)).toMatchObject({ status: 'pending', attempts: 0, last_error: null })
    const one = await outreach({ messageId: '<learned-later@geopod>', mailbox: 'another@rf-send-01.com' })
    service.advance(11_000)
    await service.settled()
    expect(await lastMail(service)).toMatchObject(by('thread', one))
  })
  test('falls back to the mailbox after 15 minutes, without a warning', async () => {
    const one = await outreach({ mailbox: late.recipient, sent: 0 })
    await deliverAndSettle(service, mail({ ...late, headers: { References: '<never@geopod>' } }))
    const { event_id } = (await lastEvent(service)) ?? {}
    for (let minute = 0; minute < 14; minute++) {
      service.advance(60_000)
      await service.settled()
      expect(await waiting()).toBe(true)
    }
    service.advance(61_000)
    await service.settled()
    expect(await lastMail(service)).toMatchObject(by('mailbox', one))
    expect(await lastEvent(service)).toMatchObject({ status: 'processed', attempts: 1 })
    expect(service.logs.filter((line) => line.eventId === event_id && line.level >= 40)).toEqual([])
  })
  test('is not waited for when the sender is known, nor by an automatic mail', async () => {
    const one = await outreach({ contact: 'known@acme.example', mailbox: late.recipient })
    const headers = { 'In-Reply-To': '<unknown@geopod>' }
    expect(await matchOf({ ...late, sender: 'known@acme.example', headers })).toEqual(by('sender', one))
    expect(await matchOf({ ...late, headers: { ...headers, 'Auto-Submitted': 'auto-replied' } })).toEqual(
      by(null),
    )
  })
})

describe('bulk signs', () => {
  const headers = { Precedence: 'bulk', 'List-Unsubscribe': '<mailto:u@tickets.example>' }
  test('do not count when the mail answers one of our messages', async () => {
    const one = await outreach({ messageId: '<ticket@geopod>' })
    expect(await matchOf({ ...stranger, headers: { ...headers, 'In-Reply-To': '<ticket@geopod>' } })).toEqual(
      by('thread', one),
    )
    expect(await lastMail(service)).toMatchObject({ kind: 'reply' })
  })
  test('make an auto-reply otherwise, even of a known sender', async () => {
    await outreach({ contact: 'news@acme.example', mailbox: 'news@rf-send-01.com' })
    expect(await matchOf({ sender: 'news@acme.example', recipient: 'news@rf-send-01.com', headers })).toEqual(
      by(null),
    )
    expect(await lastMail(service)).toMatchObject({ kind: 'auto_reply' })
  })
})

test('one mail to two of our mailboxes is two events', async () => {
  const headers = { 'Message-Id': '<to-both@acme.example>' }
  for (const recipient of ['both1@rf-send-01.com', 'both2@rf-send-01.com']) {
    expect(await deliverAndSettle(service, mail({ recipient, headers }))).toMatchObject({
      body: { status: 'ok', accepted: 1 },
    })
  }
  expect(
    await service.rows(
      `select recipient from inbound_messages where message_id = '<to-both@acme.example>' order by id`,
    ),
  ).toEqual([{ recipient: 'both1@rf-send-01.com' }, { recipient: 'both2@rf-send-01.com' }])
})

describe('a mail that Mailgun posts again', () => {
  test('with a new token is one event', async () => {
    const fields = mail()
    await deliverAndSettle(service, fields)
    expect(await deliver(service, fields)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
  })
  test('without a Message-Id is one event as well, and another mail is not it', async () => {
    const headers = { 'Message-Id': undefined }
    const fields = mail({ ...stranger, headers })
    await deliverAndSettle(service, fields)
    expect(await deliver(service, fields)).toMatchObject({ body: { status: 'duplicate' } })
    expect(await deliver(service, mail({ ...stranger, headers, text: 'Another text' }))).toMatchObject({
      body: { status: 'ok' },
    })
    await service.settled()
  })
})

describe('the samples', () => {
  for (const sample of samples.samples) {
    test(`${sample.name}: kind and match`, async () => {
      const at = new Date(Number(sample.fields.timestamp) * 1_000)
      const own = await startMailgun()
      try {
        await own.rows(
          `insert into outreach (message_id, status, sent_at) values ('<R14554qsAGSkiKYYviJN34@geopod-ismtpd-1>', 'sent', now())`,
        )
        // Signed long ago, most of them with a key nobody has: signed again, now.
        const { timestamp, token, signature, ...fields } = sample.fields
        expect([timestamp, token, signature]).not.toContain(undefined)
        const files = sample.files.map(({ field, filename, contentType }) => ({
          field,
          name: filename,
          type: contentType,
          content: Buffer.from('%PDF-1.7'),
        }))
        const multipart = sample.contentType === 'multipart/form-data'
        const answer = await deliverAndSettle(own, Object.entries(fields), multipart ? files : undefined)
        expect(answer).toMatchObject({ status: 200, body: { accepted: 1 } })
        const automatic = sample.expect.kind === 'auto-reply'
        const reply = sample.expect.kind === 'reply'
        expect(await lastMail(own)).toMatchObject({
          kind: automatic ? 'auto_reply' : 'reply',
          matched_by: reply ? 'thread' : null,
          outreach_id: reply ? '1' : null,
          attachments: files.map(({ name, type, content }) => ({ name, type, size: content.length })),
        })
        expect(at.getTime()).toBeGreaterThan(0)
      } finally {
        await own.stop()
      }
    })
  }
  test('that are signed with the published test key verify at their time', async () => {
    const own = await startMailgun({
      MAILGUN_MAX_AGE: String(20 * 365 * 86_400),
      MAX_FUTURE: String(20 * 365 * 86_400),
    })
    try {
      const signed = samples.samples.filter(({ provenance }) => !provenance.startsWith('official'))
      expect(signed.length).toBeGreaterThan(3)
      for (const { fields } of signed) {
        const body = Buffer.from(new URLSearchParams(fields as unknown as Record<string, string>).toString())
        const headers = { 'content-type': 'application/x-www-form-urlencoded' }
        expect(await post(own, '/webhooks/mailgun-inbound', { headers, body })).toMatchObject({ status: 200 })
      }
      await own.settled()
    } finally {
      await own.stop()
    }
  })
})
