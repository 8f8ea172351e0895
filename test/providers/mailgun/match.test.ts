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
import { freshOutreach, type Seed } from './fresh-outreach.ts'

let service: Service
beforeAll(async () => {
  service = await startMailgun()
})
afterAll(() => service.stop())

const outreach = async (seed?: Seed) => String((await freshOutreach(service, seed)).id)
const matchOf = async (options: MailOptions) => {
  await deliverAndSettle(service, mail(options))
  const { outreach_id, matched_by } = (await lastMail(service)) ?? {}
  return { outreach_id, matched_by }
}
/** The same of a mail whose thread is unknown: decided after a quarter of an hour, and not before. */
const lateMatchOf = async (options: MailOptions) => {
  await deliverAndSettle(service, mail(options))
  expect(await lastEvent(service)).toMatchObject({ status: 'pending', attempts: 0 })
  service.advance(15 * 60_000 + 1_000)
  await service.settled()
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
  test.each([
    ['several, folded', (id: string) => `<first@x.example>\r\n\t<${id}>\r\n <third@x.example>`],
    ['folded within', (id: string) => `<${id.slice(0, 4)}\r\n ${id.slice(4)}>`],
    ['without brackets, among words', (id: string) => `Your message ${id}, of Tuesday`],
    ['a comment behind', (id: string) => `<${id}> (Ana's message of Tue, 3 Nov 2026)`],
    ['encoded words', (id: string) => `=?utf-8?q?=3C${id.replace('@', '=40')}=3E?=`],
    [
      'split encoded words',
      (id: string) =>
        `=?UTF-8?Q?=3C${id.slice(0, 3)}?=\r\n =?UTF-8?B?${Buffer.from(`${id.slice(3)}>`).toString('base64')}?=`,
    ],
    ['upper case', (id: string) => `<${id.toUpperCase()}>`],
    ['escaped as HTML', (id: string) => `&lt;${id}&gt;`],
    ['quoted', (id: string) => `"${id}"`],
    ['quoted with brackets', (id: string) => `"<${id}>"`],
    ['in brackets twice', (id: string) => `<<${id}>>`],
    ['escaped as in a URL', (id: string) => `%3C${id.replace('@', '%40')}%3E`],
    ['escaped without brackets', (id: string) => id.replace('@', '%40')],
    ['its @ escaped', (id: string) => `<${id.replace('@', '%40')}>`],
    ['as quoted-printable', (id: string) => `=3C${id.replace('@', '=40')}=3E`],
    ['an encoded word that was cut off', (id: string) => `=?utf-8?q?=3C${id.replace('@', '=40')}=3E`],
    ['in wide characters', (id: string) => `＜${id.replace('@', '＠')}＞`],
    ['its local part quoted', (id: string) => `<"${id.replace('@', '"@')}>`],
  ])('an id written as: %s', async (_, write) => {
    const learned = await outreach()
    const messageId = `Learned.${learned}@Geopod-1`
    await service.rows('update outreach set message_id = $1 where id = $2', `<${messageId}>`, learned)
    const ours = await outreach()
    for (const [id, one] of [
      [messageId, learned],
      [`outreach_${ours}@rf-send-01.com`, ours],
    ] as const) {
      for (const name of ['In-Reply-To', 'References']) {
        expect(await matchOf({ ...stranger, headers: { [name]: write(id) } })).toEqual(by('thread', one))
      }
    }
  })
  test('of two ids that differ by letter case the one that is written counts', async () => {
    const [lower, upper] = [
      await outreach({ messageId: '<case@x>' }),
      await outreach({ messageId: '<CASE@x>' }),
    ]
    expect(await matchOf({ ...stranger, headers: { 'In-Reply-To': '<case@x>' } })).toEqual(
      by('thread', lower),
    )
    expect(await matchOf({ ...stranger, headers: { 'In-Reply-To': '<CASE@x>' } })).toEqual(
      by('thread', upper),
    )
  })
  test('ids that no row can have, and headers that cannot be read, wait and do no harm', async () => {
    for (const [n, odd] of [
      '<outreach_99999999999999999999999@x>',
      '<outreach_0@x>',
      '<outreach_9223372036854775808@x>',
      '<outreach_-5@x>',
      `<${'x'.repeat(5_000)}@x>`,
      '<nul\u0000@x>',
      '<>',
      '<<<>>>',
      '=?no-such-charset?q?=3Cabc?=',
      'your message of yesterday',
    ].entries()) {
      const sender = `odd${n}@example.com`
      const recipient = `odd${n}@rf-send-01.com`
      const one = await outreach({ contact: sender, mailbox: recipient })
      await outreach({ mailbox: recipient, sent: 0 })
      expect(await lateMatchOf({ sender, recipient, headers: { 'In-Reply-To': odd } })).toEqual(
        by('sender', one),
      )
    }
  })
  test('an empty header counts as missing', async () => {
    const one = await outreach({ contact: 'empty@example.com', mailbox: 'empty@rf-send-01.com' })
    const headers = { 'In-Reply-To': ' ', References: '' }
    expect(
      await matchOf({ sender: 'empty@example.com', recipient: 'empty@rf-send-01.com', headers }),
    ).toEqual(by('sender', one))
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
    await outreach({ contact: 'plus@gmail.com', mailbox: 'plus@rf-send-01.com', status: 'bounced' })
    expect(await matchOf({ sender: 'plus+x@gmail.com', recipient: 'plus@rf-send-01.com' })).toEqual(by(null))
  })
})

describe('by domain', () => {
  test('a colleague writes: the latest outreach to their company, not the latest of the mailbox', async () => {
    const mailbox = 'domain@rf-send-01.com'
    await outreach({ mailbox, contact: 'early@acme-one.example', sent: 90 })
    const ana = await outreach({ mailbox, contact: 'Ana@Acme-One.example', sent: 72 })
    await outreach({ mailbox, contact: 'zoe@beta-two.example', sent: 1 })
    await outreach({ mailbox, contact: 'planned@acme-one.example', sent: null, status: 'scheduled' })
    await outreach({ mailbox: 'other@rf-send-01.com', contact: 'eve@acme-one.example', sent: 2 })
    expect(await matchOf({ sender: 'bob@ACME-one.example', recipient: mailbox })).toEqual(by('domain', ana))
    expect(
      await matchOf({
        sender: 'x@relay.example',
        headers: { From: 'Bob <bob@acme-one.example>' },
        recipient: mailbox,
      }),
    ).toEqual(by('domain', ana))
  })
  test('however the domain is spelt', async () => {
    const mailbox = 'idn@rf-send-01.com'
    const one = await outreach({ mailbox, contact: 'ana@bücher-laden.example', sent: 72 })
    await outreach({ mailbox, sent: 1 })
    expect(await matchOf({ sender: 'bob@xn--bcher-laden-thb.example', recipient: mailbox })).toEqual(
      by('domain', one),
    )
  })
  test('a subdomain, or a name that only ends like it, is another company', async () => {
    const mailbox = 'sub@rf-send-01.com'
    await outreach({ mailbox, contact: 'ana@acme-sub.example', sent: 72 })
    const latest = await outreach({ mailbox, sent: 1 })
    for (const sender of ['bob@eu.acme-sub.example', 'bob@not-acme-sub.example']) {
      expect(await matchOf({ sender, recipient: mailbox })).toEqual(by('mailbox', latest))
      await service.rows(`update outreach set status = 'sent', replied_at = null where id = $1`, latest)
    }
  })
  test('not where anybody gets an address', async () => {
    for (const [n, domain] of [
      'gmail.com',
      'GMX.de',
      'outlook.fr',
      'proton.me',
      'qq.com',
      'hey.com',
    ].entries()) {
      const mailbox = `free${n}@rf-send-01.com`
      await outreach({ mailbox, contact: `ana@${domain}`, sent: 72 })
      const latest = await outreach({ mailbox, sent: 1 })
      expect(await matchOf({ sender: `bob@${domain}`, recipient: mailbox })).toEqual(by('mailbox', latest))
    }
  })
  test('in a company with hundreds of contacts, too', async () => {
    const mailbox = 'large@rf-send-01.com'
    await service.rows(
      `insert into contacts (id, email)
       select 10000 + n, 'person' || n || '@large.example' from generate_series(1, 500) n`,
    )
    const one = await outreach({ mailbox, contact: 'ana@large.example', sent: 72 })
    const latest = await outreach({ mailbox, sent: 1 })
    expect(await matchOf({ sender: 'bob@large.example', recipient: mailbox })).toEqual(by('domain', one))
    await service.rows('delete from outreach where id = $1', one)
    expect(await matchOf({ sender: 'bob@large.example', recipient: mailbox })).toEqual(by('mailbox', latest))
  })
  test('of a company with hundreds of contacts, the latest 2,000 outreach of the mailbox are looked at', async () => {
    const mailbox = 'busy@rf-send-01.com'
    await service.rows(
      `insert into contacts (id, email)
       select 20000 + n, 'person' || n || '@huge.example' from generate_series(1, 500) n`,
    )
    const one = await outreach({ mailbox, contact: 'ana@huge.example', sent: 72 })
    const sentLater = (from: number, to: number) =>
      service.rows(
        `insert into outreach (id, from_mailbox, status, sent_at)
         select 1000000 + n, $1, 'replied', now() - interval '1 day' from generate_series($2::int, $3::int) n`,
        mailbox,
        from,
        to,
      )
    await sentLater(1, 1_999)
    expect(await matchOf({ sender: 'bob@huge.example', recipient: mailbox })).toEqual(by('domain', one))
    await sentLater(2_000, 2_000)
    expect(await matchOf({ sender: 'bob@huge.example', recipient: mailbox })).toEqual(by(null))
  })
  test('also when the fallback to the mailbox is switched off', async () => {
    const other = await startMailgun({ REPLY_MATCH_FALLBACK: 'off' })
    try {
      await other.rows(`
        with c as (insert into contacts (email) values ('ana@acme.example') returning id)
        insert into outreach (contact_id, from_mailbox, status, sent_at)
        select id, 'off@rf-send-01.com', 'sent', now() from c`)
      await deliverAndSettle(other, mail({ sender: 'bob@acme.example', recipient: 'off@rf-send-01.com' }))
      expect(await lastMail(other)).toMatchObject({ kind: 'reply', outreach_id: '1', matched_by: 'domain' })
    } finally {
      await other.stop()
    }
  })
})

describe('several recipients', () => {
  test('only our own addresses count, whichever place they have', async () => {
    const one = await outreach({ contact: 'several@acme.example', mailbox: 'second@rf-send-01.com' })
    await outreach({ mailbox: 'first@rf-send-01.com', sent: 0 })
    for (const recipient of [
      'jobs@elsewhere.example,second@rf-send-01.com',
      'first@rf-send-01.com, Second@RF-send-01.com',
      'Sam <second@rf-send-01.com>, jobs@elsewhere.example',
      'second+newsletter@rf-send-01.com',
      'second@rf-send-01.com.',
      [
        ...Array.from({ length: 120 }, (_, n) => `person.number${n}@elsewhere.example`),
        'second@rf-send-01.com',
      ].join(', '),
      'first+a@rf-send-01.com,second+b@rf-send-01.com',
    ]) {
      expect(await matchOf({ sender: 'several@acme.example', recipient })).toEqual(by('sender', one))
    }
  })
  test('the latest outreach of all these mailboxes', async () => {
    const [first, second] = ['all-1@rf-send-01.com', 'all-2@rf-send-01.com']
    await outreach({ mailbox: first, sent: 3 })
    const latest = await outreach({ mailbox: second, sent: 2 })
    expect(await matchOf({ ...stranger, recipient: `${first},${second}` })).toEqual(by('mailbox', latest))
  })
  test('a mailbox whose address has a plus itself is not the one without', async () => {
    const [plain, tagged] = ['tagged@rf-send-01.com', 'tagged+2@rf-send-01.com']
    await outreach({ mailbox: plain, sent: 0 })
    const one = await outreach({ mailbox: tagged, sent: 9 })
    expect(await matchOf({ ...stranger, recipient: tagged })).toEqual(by('mailbox', one))
  })
  test('an unknown address matches nothing, even beside a plus-tag', async () => {
    expect(
      await matchOf({ ...stranger, recipient: 'nobody+x@rf-send-01.com,jobs@elsewhere.example' }),
    ).toEqual(by(null))
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
  test('not of a mail that Mailgun marks as spam', async () => {
    const mailbox = 'spam@rf-send-01.com'
    const contact = 'ham@acme.example'
    const one = await outreach({ mailbox, contact })
    for (const name of ['X-Mailgun-Sflag', 'x-mailgun-sflag']) {
      expect(await matchOf({ ...stranger, recipient: mailbox, headers: { [name]: 'Yes' } })).toEqual(by(null))
    }
    const sflag = { 'X-Mailgun-Sflag': 'Yes' }
    expect(await matchOf({ sender: contact, recipient: mailbox, headers: sflag })).toEqual(by('sender', one))
    const headers = { ...sflag, 'In-Reply-To': `<outreach_${one}@x>` }
    expect(await matchOf({ ...stranger, recipient: mailbox, headers })).toEqual(by('thread', one))
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

  test('is waited for, which does not count as an attempt', async () => {
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
  test('is waited for also when the sender is known: the answer may be to another outreach', async () => {
    await outreach({ contact: 'known@acme.example', mailbox: late.recipient })
    const headers = { 'In-Reply-To': '=?utf-8?q?=3Clearned=40host=3E?=' }
    await deliverAndSettle(service, mail({ ...late, sender: 'known@acme.example', headers }))
    expect(await waiting()).toBe(true)
    const one = await outreach({ messageId: '<learned@host>', sent: 72 })
    service.advance(11_000)
    await service.settled()
    expect(await lastMail(service)).toMatchObject(by('thread', one))
  })
  test('is not waited for by an automatic mail', async () => {
    const headers = { 'In-Reply-To': '<unknown@geopod>', 'Auto-Submitted': 'auto-replied' }
    expect(await matchOf({ ...late, headers })).toEqual(by(null))
    expect(await lastEvent(service)).toMatchObject({ status: 'processed' })
  })
  test('a bulk mail waits for it, too: in our thread it is a person', async () => {
    const headers = { 'In-Reply-To': '<ticket-later@geopod>', Precedence: 'bulk' }
    await deliverAndSettle(service, mail({ ...late, headers }))
    expect(await waiting()).toBe(true)
    const one = await outreach({ messageId: '<ticket-later@geopod>' })
    service.advance(11_000)
    await service.settled()
    expect(await lastMail(service)).toMatchObject({ kind: 'reply', ...by('thread', one) })
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
      MAILGUN_MAX_AGE: String(10 * 365 * 86_400),
      MAX_FUTURE: String(10 * 365 * 86_400),
    })
    try {
      // The oldest is of 2016, and no age may be more than ten years.
      own.advance(-2 * 365 * 86_400_000)
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
