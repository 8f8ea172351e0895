import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { SEEDED } from '../../harness/seed.ts'
import { mailgunSamples } from '../../src/simulators/mailgun/sample.ts'
import { createMailgunSigner, mailFields, multipart } from '../../src/simulators/mailgun/sign.ts'
import { sendgridSamples } from '../../src/simulators/sendgrid/sample.ts'
import { createSendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import { stripeSamples } from '../../src/simulators/stripe/sample.ts'
import { createStripeSigner } from '../../src/simulators/stripe/sign.ts'
import { webhooks } from './run.ts'

vi.setConfig({ testTimeout: 120_000 }) // a process takes its time to start on a busy machine

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhooks-captures-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const sendgrid = createSendgridSigner()
const stripe = createStripeSigner()
const mailgun = createMailgunSigner()
const env = {
  SENDGRID_WEBHOOK_KEY: `${createSendgridSigner().publicKey},${sendgrid.publicKey}`,
  STRIPE_WEBHOOK_SECRET: `${createStripeSigner().secret},${stripe.secret}`,
  MAILGUN_WEBHOOK_SIGNING_KEY: `${createMailgunSigner().key},${mailgun.key}`,
}
const otherKeys = {
  SENDGRID_WEBHOOK_KEY: createSendgridSigner().publicKey,
  STRIPE_WEBHOOK_SECRET: createStripeSigner().secret,
  MAILGUN_WEBHOOK_SIGNING_KEY: createMailgunSigner().key,
}

/** A delivery of each provider, signed this many seconds ago. */
const deliveries = {
  sendgrid: (age = 0) => made(sendgridSamples(sendgrid).click, age),
  stripe: (age = 0) => made(stripeSamples(stripe)['invoice.paid'], age),
  mailgun: (age = 0) => made(mailgunSamples(mailgun).reply, age),
}
type Name = keyof typeof deliveries
const NAMES = Object.keys(deliveries) as Name[]
const made = (sample: ReturnType<typeof sendgridSamples>[string] | undefined, age: number): SignedRequest => {
  if (sample === undefined) throw new Error('there is no such sample')
  const at = new Date(Date.now() - age * 1_000)
  return sample(SEEDED, at).sign(at)
}

let serial = 0
const save = (content: string | Buffer): string => {
  const file = join(folder, `capture-${++serial}`)
  writeFileSync(file, content)
  return file
}
/** As a proxy writes it down. */
const raw = ({ headers, body }: SignedRequest, more: Record<string, string> = {}): string => {
  const lines = Object.entries({ host: 'api.roleferry.com', ...headers, ...more })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return save(Buffer.concat([Buffer.from(`POST /webhooks HTTP/1.1\r\n${head}\r\n`), body]))
}
const check = async (args: string[], keys: Record<string, string> = env) => {
  const ended = await webhooks(['keys', 'check', ...args, '--json'], keys)
  const { verdict, because } = ended.stdout === '' ? {} : JSON.parse(ended.stdout)
  return { code: ended.code, verdict, because, stderr: ended.stderr }
}
const withBody = ({ headers, body }: SignedRequest, change: (body: string) => string): SignedRequest => ({
  headers,
  body: Buffer.from(change(body.toString('utf8'))),
})

describe.each(NAMES)('a captured delivery of %s', (name) => {
  const refused = { code: 1, stderr: expect.stringContaining('The service refuses this delivery') }

  test('that was made by one of the keys verifies, and it says by which', async () => {
    const found = await check([name, raw(deliveries[name]())])
    expect(found).toMatchObject({ code: 0, verdict: 'verified' })
    expect(found.because).toContain('key 2 of 2')
  })

  test('in two files, with another line end, verifies', async () => {
    const { headers, body } = deliveries[name]()
    const head = save(
      Object.entries(headers)
        .map(([header, value]) => `${header}: ${value}`)
        .join('\n'),
    )
    expect(await check([name, '--headers', head, '--body', save(body)])).toMatchObject({
      verdict: 'verified',
    })
  })

  test('is stale when it arrived late, by the time it arrived', async () => {
    const old = deliveries[name](30 * 3_600)
    expect(await check([name, raw(old)])).toMatchObject({ ...refused, verdict: 'stale' })
    const date = new Date(Date.now() - 30 * 3_600_000).toUTCString()
    expect(await check([name, raw(old, { date })])).toMatchObject({ code: 0, verdict: 'verified' })
    expect(await check([name, raw(old), '--at', '30h'])).toMatchObject({ code: 0, verdict: 'verified' })
    expect(await check([name, raw(deliveries[name](-3_600))])).toMatchObject({ verdict: 'stale' })
  })

  test('was made by another key', async () => {
    const request = deliveries[name]()
    const length = { 'content-length': String(request.body.length) }
    expect(await check([name, raw(request, length)], otherKeys)).toMatchObject({
      ...refused,
      verdict: 'wrong_key',
    })
  })

  test('is malformed when its signature is cut or missing', async () => {
    const { headers, body } = deliveries[name]()
    const cut = Object.fromEntries(
      Object.entries(headers).map(([header, value]) => [
        header,
        /signature/.test(header) ? value.slice(0, 9) : value,
      ]),
    )
    const cutBody =
      name === 'mailgun' ? Buffer.from(String(body).replace(/(signature=.{9})[^&]*/, '$1')) : body
    expect(await check([name, raw({ headers: cut, body: cutBody })])).toMatchObject({
      ...refused,
      verdict: 'malformed',
    })
    const none = Object.fromEntries(Object.entries(headers).filter(([header]) => !/signature/.test(header)))
    const noneBody = name === 'mailgun' ? Buffer.from(String(body).replace(/&signature=[^&]*/, '')) : body
    expect(await check([name, raw({ headers: none, body: noneBody })])).toMatchObject({
      verdict: 'malformed',
    })
  })
})

describe('a changed body', () => {
  const CHANGES: [name: 'sendgrid' | 'stripe', how: string, change: (body: string) => string][] = [
    ['sendgrid', 'trimmed', (body) => body.trim()],
    ['sendgrid', 'written again', (body) => JSON.stringify(JSON.parse(body))],
    ['sendgrid', 'printed over several lines', (body) => JSON.stringify(JSON.parse(body), null, 2)],
    ['sendgrid', 'with LF for CRLF', (body) => body.replaceAll('\r\n', '\n')],
    ['stripe', 'written again', (body) => JSON.stringify(JSON.parse(body))],
    ['stripe', 'with a new line at its end', (body) => `${body}\n`],
    ['stripe', 'with CRLF for LF', (body) => body.replaceAll('\n', '\r\n')],
    ['sendgrid', 'with a byte order mark', (body) => `\ufeff${body}`],
  ]
  test.each(CHANGES)('of %s, %s, is recognised', async (name, _how, change) => {
    const found = await check([name, raw(withBody(deliveries[name](), change))])
    expect(found).toMatchObject({ code: 1, verdict: 'changed_body' })
    expect(found.because).toContain('with that undone it verifies by key 2 of 2')
  })

  test('that lost its end is recognised by its Content-Length', async () => {
    const request = deliveries.sendgrid()
    const cut = withBody(request, (body) => body.slice(0, 100))
    const length = { 'content-length': String(request.body.length) }
    expect(await check(['sendgrid', raw(cut, length)])).toMatchObject({ verdict: 'changed_body' })
  })

  test('of Mailgun still verifies: it is not signed', async () => {
    const request = withBody(deliveries.mailgun(), (body) => body.replace('interested', 'amused'))
    expect(await check(['mailgun', raw(request)])).toMatchObject({ verdict: 'verified' })
  })
})

test("Mailgun's deliveries with attachments are read too", async () => {
  const fields = mailFields({
    recipient: SEEDED.mailbox,
    sender: SEEDED.contact,
    headers: [],
    text: 'See attachment',
  })
  const file = {
    field: 'attachment-1',
    name: 'cv.pdf',
    type: 'application/pdf',
    content: Buffer.alloc(2_000, 7),
  }
  const request = multipart([...fields, ...mailgun.sign()], [file])
  expect(await check(['mailgun', raw(request)])).toMatchObject({ code: 0, verdict: 'verified' })
})

test("SendGrid's shared secret (hmac) is checked as well", async () => {
  const { headers, body } = deliveries.sendgrid()
  const found = await check(['sendgrid', raw({ headers, body })], {
    SENDGRID_WEBHOOK_SCHEME: 'hmac',
    SENDGRID_WEBHOOK_KEY: 'a-secret-that-is-shared',
  })
  expect(found).toMatchObject({ verdict: 'malformed', because: expect.stringContaining('32 bytes') })
})

test('what cannot be checked is wrong usage', async () => {
  for (const [args, keys, says] of [
    [['stripe', raw(deliveries.stripe())], {}, 'set STRIPE_WEBHOOK_SECRET'],
    [['stripe', raw(deliveries.stripe()), '--key', 'sk_live'], {}, 'whsec_'],
    [['stripe', join(folder, 'none')], env, 'ENOENT'],
    [['stripe', save('no gap')], env, 'no empty line'],
    [['stripe'], env, 'Give a capture'],
    [
      ['sendgrid', raw(deliveries.sendgrid())],
      { SENDGRID_WEBHOOK_KEY: 'x' },
      'SENDGRID_WEBHOOK_KEY: expected',
    ],
  ] as [string[], Record<string, string>, string][]) {
    expect(await check(args, keys)).toMatchObject({ code: 2, stderr: expect.stringContaining(says) })
  }
})
