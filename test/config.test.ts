import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'

const DATABASE_URL = 'postgres://u:p@localhost/db'
const ecKey = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve })
    .publicKey.export({ type: 'spki', format: 'der' })
    .toString('base64')

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

test('needs only DATABASE_URL', () => {
  expect(readConfig({ DATABASE_URL })).toMatchObject({
    PORT: 3000,
    SENDGRID_MAX_AGE: 90_000,
    STRIPE_MAX_AGE: 300,
    MAILGUN_MAX_AGE: 32_400,
    SENDGRID_WEBHOOK_KEY: [],
    REPLY_MATCH_FALLBACK: 'mailbox',
  })
  expect(problemsOf({})).toEqual(['DATABASE_URL: is required'])
})

test('an empty variable counts as unset', () => {
  expect(readConfig({ DATABASE_URL, REDIS_URL: '', PORT: ' ' })).toMatchObject({ PORT: 3000 })
})

test('names every mistake at once', () => {
  const problems = problemsOf({
    PORT: 'many',
    DATABASE_URL: 'mysql://x',
    REDIS_URL: 'localhost',
    SENDGRID_WEBHOOK_KEY: 'nonsense',
    STRIPE_WEBHOOK_SECRET: 'secret',
    RETENTION_EVENT_DAYS: '30',
    VAPID_PUBLIC_KEY: 'x',
    LOG_LEVEL: 'loud',
    EMAIL_FROM: 'RoleFerry <hello@roleferry.com>, other@example.com',
  })
  for (const name of [
    'PORT',
    'DATABASE_URL',
    'REDIS_URL',
    'SENDGRID_WEBHOOK_KEY',
    'STRIPE_WEBHOOK_SECRET',
    'STRIPE_PRICE_PRO',
    'STRIPE_PRICE_TEAMS',
    'RETENTION_EVENT_DAYS',
    'VAPID_PRIVATE_KEY',
    'LOG_LEVEL',
    'EMAIL_FROM',
  ]) {
    expect(problems.filter((problem) => problem.startsWith(`${name}:`))).toHaveLength(1)
  }
  expect(problems.join()).toContain('expected')
})

test('mail is sent from one address, with or without a name', () => {
  for (const from of ['hello@roleferry.com', 'RoleFerry <hello@roleferry.com>', '"R, Ferry" <a@b.example>']) {
    expect(readConfig({ DATABASE_URL, EMAIL_FROM: from }).EMAIL_FROM).toBe(from)
  }
  for (const from of ['nobody', 'a@b@c', '<a@b', 'a@b\r\nBcc: c@d', 'A <a@b> <c@d>']) {
    expect(problemsOf({ DATABASE_URL, EMAIL_FROM: from })).toEqual([
      'EMAIL_FROM: expected one address, as in RoleFerry <hello@roleferry.com>',
    ])
  }
})

describe('keys', () => {
  test('become key objects, several of them, and a bad one is a mistake that names its variable', () => {
    const good = ecKey('prime256v1')
    const config = readConfig({ DATABASE_URL, SENDGRID_WEBHOOK_KEY: `${good}, ${ecKey('prime256v1')}` })
    expect(config.SENDGRID_WEBHOOK_KEY.map((key) => key.asymmetricKeyType)).toEqual(['ec', 'ec'])
    for (const bad of [`${good},`, `${good},zzzz`, ecKey('secp384r1'), 'AAAA']) {
      expect(problemsOf({ DATABASE_URL, SENDGRID_WEBHOOK_KEY: bad })).toEqual([
        expect.stringMatching(/^SENDGRID_WEBHOOK_KEY: expected .*MFkw/),
      ])
    }
  })
  test('of the hmac scheme are secrets', () => {
    const config = readConfig({ DATABASE_URL, SENDGRID_WEBHOOK_KEY: 'a,b', SENDGRID_WEBHOOK_SCHEME: 'hmac' })
    expect(config.SENDGRID_WEBHOOK_KEY.map((key) => key.type)).toEqual(['secret', 'secret'])
  })
  test('of Mailgun and Stripe are lists', () => {
    const config = readConfig({
      DATABASE_URL,
      MAILGUN_WEBHOOK_SIGNING_KEY: 'one, two',
      STRIPE_WEBHOOK_SECRET: 'whsec_a,whsec_b',
      STRIPE_PRICE_PRO: 'price_1',
      STRIPE_PRICE_TEAMS: 'price_2',
    })
    expect(config.MAILGUN_WEBHOOK_SIGNING_KEY).toHaveLength(2)
    expect(config.STRIPE_WEBHOOK_SECRET).toEqual(['whsec_a', 'whsec_b'])
  })
})

describe('a secret in a file', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'secret')
  test('is read, without its line end', () => {
    writeFileSync(file, `${DATABASE_URL}\n`)
    expect(readConfig({ DATABASE_URL_FILE: file }).DATABASE_URL).toBe(DATABASE_URL)
  })
  test('is a mistake when it cannot be read, is empty or is given twice', () => {
    expect(problemsOf({ DATABASE_URL, SMTP_URL_FILE: '/does/not/exist' })).toEqual([
      'SMTP_URL_FILE: cannot read the file (ENOENT)',
    ])
    expect(problemsOf({ DATABASE_URL, DATABASE_URL_FILE: file })[0]).toMatch(/^DATABASE_URL: is set twice/)
    writeFileSync(file, '\n')
    expect(problemsOf({ DATABASE_URL, SMTP_URL_FILE: file })).toEqual(['SMTP_URL_FILE: the file is empty'])
  })
})

test('.env.example lists every variable of the contract, and only those', () => {
  const listed = [...readFileSync('.env.example', 'utf8').matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(
    (match) => match[1],
  )
  const known = [
    'HOST',
    'PORT',
    'TRUST_PROXY',
    'LOG_LEVEL',
    'DATABASE_URL',
    'DATABASE_POOL_MAX',
    'REDIS_URL',
    'SENDGRID_WEBHOOK_KEY',
    'SENDGRID_WEBHOOK_SCHEME',
    'SENDGRID_MAX_AGE',
    'STRIPE_WEBHOOK_SECRET',
    'STRIPE_MAX_AGE',
    'STRIPE_PRICE_PRO',
    'STRIPE_PRICE_TEAMS',
    'MAILGUN_WEBHOOK_SIGNING_KEY',
    'MAILGUN_MAX_AGE',
    'MAX_FUTURE',
    'REPLY_MATCH_FALLBACK',
    'SLACK_BOT_TOKEN',
    'SLACK_API_URL',
    'SLACK_CHANNEL_DELIVERABILITY',
    'SLACK_CHANNEL_BILLING',
    'SLACK_CHANNEL_OPS',
    'SMTP_URL',
    'EMAIL_FROM',
    'VAPID_PUBLIC_KEY',
    'VAPID_PRIVATE_KEY',
    'VAPID_SUBJECT',
    'DD_AGENT_HOST',
    'DD_DOGSTATSD_PORT',
    'DD_ENV',
    'DD_SERVICE',
    'DD_VERSION',
    'CONSOLE_PASSWORD',
    'RETENTION_PAYLOAD_DAYS',
    'RETENTION_EVENT_DAYS',
    'RETENTION_MESSAGE_DAYS',
  ]
  expect([...new Set(listed)].sort()).toEqual(known.sort())
})
