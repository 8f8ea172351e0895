import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailServer, startMailServer } from '../../harness/mail-server.ts'
import { readConfig } from '../../src/config.ts'
import { createEmail } from '../../src/notifications/email.ts'
import { compose, type EmailContent } from '../../src/notifications/emails/index.ts'
import { render } from '../../src/notifications/emails/letter.ts'
import { propertyRuns } from '../property-runs.ts'

/** Every e-mail, with this text wherever it takes one from outside. */
const allWith = (text: string): EmailContent[] => [
  { template: 'welcome', data: { tier: text, credits: 500 } },
  { template: 'payment-failed', data: { invoiceUrl: text, nextAttemptAt: '2026-12-03T09:00:00Z' } },
  { template: 'payment-failed-final', data: { invoiceUrl: text } },
  { template: 'subscription-ended', data: { tier: text } },
]
const tagsOf = (html: string) => html.match(/<[^>]*>?/g)?.map((tag) => tag.split(/[\s>]/)[0])

test('whatever a letter holds comes to the same markup, and to the same text', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"><script>alert(1)</script>', "'&lt;</p>")),
      (text) => {
        const letter = (part: string) =>
          render({ subject: part, body: [part, { label: part, href: part }, part] })
        const { html, text: plain, subject } = letter(text)
        expect(tagsOf(html)).toEqual(tagsOf(letter('x').html))
        expect(html.match(/"/g)).toHaveLength(letter('x').html.match(/"/g)?.length ?? 0)
        expect(plain.split(text).length).toBeGreaterThanOrEqual(5)
        expect(subject).not.toMatch(/[\r\n]/)
      },
    ),
    { numRuns: propertyRuns(1_000) },
  )
})

test('every e-mail escapes what it takes from outside', () => {
  for (const content of allWith('"><script>alert("&")</script>')) {
    const { html } = compose(content)
    expect(html).not.toContain('<script')
    expect(html).toContain('&quot;&gt;&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;')
  }
})

test('without a page to pay at there is no link', () => {
  for (const content of [
    { template: 'payment-failed', data: { invoiceUrl: null, nextAttemptAt: '2026-12-03T09:00:00Z' } },
    { template: 'payment-failed-final', data: { invoiceUrl: null } },
  ] as const) {
    const { html, text } = compose(content)
    expect(html).not.toContain('<a ')
    expect(text).toContain('Please check that your card is up to date.')
  }
})

let server: MailServer
beforeAll(async () => {
  server = await startMailServer()
})
afterAll(() => server.stop())

test('a line break in what a mail takes from outside makes no header and no recipient', async () => {
  const config = readConfig({ DATABASE_URL: 'postgres://localhost/none', SMTP_URL: server.url })
  const send = createEmail({ config })
  const hostile = 'Pro!\r\nBcc: other@example.com\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>\r\n.\r\nQUIT'
  for (const [n, content] of allWith(hostile).entries()) {
    const to = `user${n}@example.com`
    await send({ to, ...content }, AbortSignal.timeout(10_000), { key: `hostile:${n}`, event: '1' })
    const mail = server.received.at(-1)
    expect(mail?.recipients).toEqual([to])
    expect(mail).toMatchObject({ to: [{ address: to }] })
    expect(mail?.bcc).toBeUndefined()
    expect(mail?.headers.map(({ key }) => key)).not.toContain('x-evil')
    expect(mail?.html).not.toContain('<script')
    // Nothing of the text is lost either: the line with a full stop does not end the mail.
    expect(mail?.text).toContain('The RoleFerry team')
  }
})
