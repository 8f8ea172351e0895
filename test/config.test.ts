import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parse } from 'pg-connection-string'
import { describe, expect, test } from 'vitest'
import { takeApart } from '../src/config/database-url.ts'
import { ConfigError } from '../src/config/error.ts'
import { takeApartRedisUrl } from '../src/config/redis-url.ts'
import { readConfig, VARIABLES } from '../src/config.ts'

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

const PRICES = { STRIPE_PRICE_PRO: 'price_1', STRIPE_PRICE_TEAMS: 'price_2' }
const SECRET = 'fb5b1d49c1e8e1b1a0e37d7e9c8d2f60'
const OTHER = 'key-3ax6xnjp29jd6fds4gc373sgvjxteol0'

describe('keys', () => {
  const good = ecKey('prime256v1')

  test.each([',', ', ', ' ', '\n', '\r\n', ',\n', '\t', ' , '])('are separated by %j', (between) => {
    const config = readConfig({
      DATABASE_URL,
      ...PRICES,
      SENDGRID_WEBHOOK_KEY: [good, ecKey('prime256v1')].join(between),
      STRIPE_WEBHOOK_SECRET: [`whsec_${SECRET}`, `whsec_${OTHER}`].join(between),
      MAILGUN_WEBHOOK_SIGNING_KEY: [SECRET, OTHER].join(between),
    })
    expect(config.SENDGRID_WEBHOOK_KEY.map((key) => key.asymmetricKeyType)).toEqual(['ec', 'ec'])
    expect(config.STRIPE_WEBHOOK_SECRET).toEqual([`whsec_${SECRET}`, `whsec_${OTHER}`])
    expect(config.MAILGUN_WEBHOOK_SIGNING_KEY.map((key) => key.export().toString())).toEqual([SECRET, OTHER])
    const hmac = { SENDGRID_WEBHOOK_SCHEME: 'hmac', SENDGRID_WEBHOOK_KEY: [SECRET, OTHER].join(between) }
    expect(readConfig({ DATABASE_URL, ...hmac }).SENDGRID_WEBHOOK_KEY.map((key) => key.type)).toEqual([
      'secret',
      'secret',
    ])
  })

  test.each([
    ['another curve', ecKey('secp384r1')],
    ['the end cut off', good.slice(0, -8)],
    ['the padding cut off', good.replaceAll('=', '')],
    ['something appended', `${good}zzzz`],
    ['bytes appended', Buffer.concat([Buffer.from(good, 'base64'), Buffer.alloc(3)]).toString('base64')],
    ['a letter changed', good.replace(/.(?===)/, (letter) => (letter === 'A' ? 'B' : 'A'))],
    ['a foreign letter within', `${good.slice(0, 50)}-${good.slice(50)}`],
    ['quotes', `"${good}"`],
    ['PEM', `-----BEGIN PUBLIC KEY-----\n${good}\n-----END PUBLIC KEY-----`],
    ['an empty part', `${good},`],
    ['nonsense', 'AAAA'],
  ])('of SendGrid with %s are a mistake', (_what, key) => {
    for (const keys of [key, `${good},${key}`]) {
      const problems = problemsOf({ DATABASE_URL, SENDGRID_WEBHOOK_KEY: keys })
      expect(problems).toEqual([expect.stringMatching(/^SENDGRID_WEBHOOK_KEY: expected /)])
      expect(problems.join()).not.toContain(key.slice(0, 60))
    }
  })

  const worthless: [what: string, secret: string][] = [
    ['one letter', 'x'],
    ['fifteen letters', SECRET.slice(0, 15)],
    ['quotes', `"${SECRET}"`],
    ['a letter that no provider writes', `${SECRET}ä`],
    ['an empty part', `${SECRET},,${OTHER}`],
  ]
  const publicKeys: [what: string, secret: string][] = [
    ['SendGrid’s public key', good],
    ['a public key of another curve', ecKey('secp384r1')],
    ['a public key in base64url', Buffer.from(good, 'base64').toString('base64url')],
    ['a public key in hex', Buffer.from(good, 'base64').toString('hex')],
    ['a piece of a public key', good.slice(0, 40)],
  ]
  test.each([...worthless, ...publicKeys])('to be kept secret that are %s are a mistake', (_what, secret) => {
    for (const keys of [secret, `${SECRET}\n${secret}`]) {
      expect(problemsOf({ DATABASE_URL, MAILGUN_WEBHOOK_SIGNING_KEY: keys })).toEqual([
        expect.stringMatching(/^MAILGUN_WEBHOOK_SIGNING_KEY: expected /),
      ])
      const hmac = { SENDGRID_WEBHOOK_SCHEME: 'hmac', SENDGRID_WEBHOOK_KEY: keys }
      expect(problemsOf({ DATABASE_URL, ...hmac })).toEqual([
        expect.stringMatching(/^SENDGRID_WEBHOOK_KEY: expected /),
      ])
    }
  })

  test.each([
    'whsec_',
    'whsec_short',
    `whsec_${SECRET.slice(0, 15)}`,
    SECRET,
    `sk_live_${SECRET}`,
    `WHSEC_${SECRET}`,
    `"whsec_${SECRET}"`,
    `whsec_${SECRET};whsec_${OTHER}`,
    `whsec_${SECRET}|whsec_${OTHER}`,
    `whsec_${SECRET}whsec_${OTHER}`,
    `whsec_${SECRET},,whsec_${OTHER}`,
    `whsec_${SECRET} ${OTHER}`,
  ])('of Stripe like %s are a mistake', (secret) => {
    const problems = problemsOf({ DATABASE_URL, ...PRICES, STRIPE_WEBHOOK_SECRET: secret })
    expect(problems).toEqual([expect.stringMatching(/^STRIPE_WEBHOOK_SECRET: expected /)])
    expect(problems.join()).not.toContain(SECRET)
  })
})

describe('Stripe’s prices', () => {
  const withPrices = (pro: string, teams: string) => ({
    DATABASE_URL,
    STRIPE_PRICE_PRO: pro,
    STRIPE_PRICE_TEAMS: teams,
  })
  test('are a list per tier', () => {
    expect(readConfig(withPrices('price_1', 'price_2, price_2_yearly,price_2_old'))).toMatchObject({
      STRIPE_PRICE_PRO: ['price_1'],
      STRIPE_PRICE_TEAMS: ['price_2', 'price_2_yearly', 'price_2_old'],
    })
    expect(readConfig({ DATABASE_URL })).toMatchObject({ STRIPE_PRICE_PRO: [], STRIPE_PRICE_TEAMS: [] })
  })
  test('that are in both lists are mistakes, each by its name', () => {
    expect(problemsOf(withPrices('price_a,price_b,price_c', 'price_c,price_d, price_a'))).toEqual([
      'STRIPE_PRICE_TEAMS: price_c is in STRIPE_PRICE_PRO, too; a price means one tier',
      'STRIPE_PRICE_TEAMS: price_a is in STRIPE_PRICE_PRO, too; a price means one tier',
    ])
  })
  test.each(['price_1,', ',price_1', 'price_1,,price_3', 'price_1 price_3', 'price_1\nprice_3'])(
    'like %j are a mistake',
    (prices) => {
      expect(problemsOf(withPrices(prices, 'price_2'))).toEqual([
        expect.stringMatching(/^STRIPE_PRICE_PRO: expected/),
      ])
    },
  )
})

describe('TRUST_PROXY', () => {
  const trusts = (TRUST_PROXY: string) => readConfig({ DATABASE_URL, TRUST_PROXY }).TRUST_PROXY
  test('is a switch, a number of proxies, or addresses and networks', () => {
    expect(trusts('true')).toBe(true)
    expect(trusts('false')).toBe(false)
    for (const networks of ['10.0.0.0/8,192.168.1.7', '10.0.0.0/8 192.168.1.7\n', 'fc00::/7, 10.0.0.0/8']) {
      const trusted = trusts(networks) as (address: string, hop: number) => boolean
      expect(trusted('10.1.2.3', 0)).toBe(true)
      expect(trusted('10.1.2.3:4711', 5)).toBe(true)
      expect(trusted('203.0.113.1', 0)).toBe(false)
      expect(trusted('10.1.2.3.example', 0)).toBe(false)
    }
    const two = trusts('2') as (address: string, hop: number) => boolean
    expect([0, 1, 2].map((hop) => two('203.0.113.1', hop))).toEqual([true, true, false])
  })
  test.each(['yes', 'TRUE', '-1', '1.5', '10.0.0.0/33', '10.0.0', '10.0.0.0/8;10.1.0.0/16', 'fc00::/129'])(
    '%s is a mistake',
    (value) => {
      expect(problemsOf({ DATABASE_URL, TRUST_PROXY: value })).toEqual([
        expect.stringMatching(/^TRUST_PROXY: expected true, false/),
      ])
    },
  )
})

describe('SMTP_URL', () => {
  const server = (SMTP_URL: string) => readConfig({ DATABASE_URL, SMTP_URL }).SMTP_URL

  test('with a user needs TLS, unless it says that it does not', () => {
    expect(server('smtp://me%40x:p%25ss@mail.example')).toEqual({
      host: 'mail.example',
      port: 587,
      secure: false,
      requireTLS: true,
      ignoreTLS: false,
      auth: { user: 'me@x', pass: 'p%ss' },
    })
    expect(server('smtp://token@[2001:db8::1]:2525?requireTLS=true')).toMatchObject({
      host: '2001:db8::1',
      port: 2525,
      requireTLS: true,
    })
    expect(server('smtp://a:b@mail.example?tls=off')).toMatchObject({ requireTLS: false, ignoreTLS: true })
    for (const tls of ['smtps://a:b@mail.example', 'smtp://a:b@mail.example:465']) {
      expect(server(tls)).toMatchObject({ port: 465, secure: true })
    }
  })
  test('without a user takes TLS where the server has it', () => {
    expect(server('smtp://mailpit:1025')).toMatchObject({ requireTLS: false, ignoreTLS: false })
    expect(server('smtp://mailpit:1025?requireTLS=true')).toMatchObject({ requireTLS: true })
  })
  test.each([
    ['?requireTls=true', 'requireTls'],
    ['?require_tls=true', 'require_tls'],
    ['?requireTLS=yes', 'requireTLS'],
    ['?requireTLS=false', 'requireTLS'],
    ['?ignoreTLS=true', 'ignoreTLS'],
    ['?opportunisticTLS=true', 'opportunisticTLS'],
    ['?tls.rejectUnauthorized=false', 'tls.rejectUnauthorized'],
    ['?tls=of', 'tls'],
    ['?tls=off&x=1', 'x'],
    ['?tls=off&requireTLS=true', 'tls=off'],
    ['?pool=true', 'pool'],
    ['?connectionTimeout=0', 'connectionTimeout'],
    ['?__proto__=1', '__proto__'],
  ])('with %s is a mistake that names it', (query, name) => {
    const problems = problemsOf({ DATABASE_URL, SMTP_URL: `smtp://user:secret@mail.example:25${query}` })
    expect(problems).toEqual([expect.stringMatching(/^SMTP_URL: /)])
    expect(problems[0]).toContain(name)
    expect(problems[0]).not.toContain('secret')
  })
  test.each([
    'smtps://a:b@mail.example?tls=off',
    'mail.example:587',
    'http://mail.example',
    'smtp://',
    'smtp:mail',
    'smtp://a:b@',
    'smtp://a:%zz@mail.example',
    'smtp://a:b@mail.example/path',
    'smtp://a:b@mail.example#tls',
    'smtp://a:b@mail.example:99999',
    'smtp://a:b@mail%00.example',
  ])('%s is a mistake', (url) => {
    expect(problemsOf({ DATABASE_URL, SMTP_URL: url })).toEqual([expect.stringMatching(/^SMTP_URL: /)])
  })
})

test('a DATABASE_URL of several servers is a URL for each, whatever the password holds', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
  const host = fc.oneof(word, fc.constant('10.0.0.7'), fc.constant('[::1]'))
  const server = fc.tuple(host, fc.option(fc.integer({ min: 1, max: 65_535 })))
  const property = fc.property(
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.array(server, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '&target_session_attrs=read-write', '&target_session_attrs=primary&x=y'),
    (password, servers, target) => {
      const hosts = servers.map(([name, port]) => (port === null ? name : `${name}:${port}`))
      const url = `postgres://sam:${encodeURIComponent(password)}@${hosts.join()}/db?sslmode=verify-full${target}`
      expect(problemsOf({ DATABASE_URL: url })).toEqual([])
      const apart = takeApart(url)
      expect(apart.mustWrite).toBe(servers.length > 1 || target !== '')
      expect(apart.servers.map((one) => parse(one))).toMatchObject(
        servers.map(([name, port]) => ({
          ...{ user: 'sam', password, database: 'db', sslmode: 'verify-full' },
          ...{ host: name.replace(/^\[(.*)\]$/, '$1'), port: String(port ?? '') },
        })),
      )
    },
  )
  fc.assert(property)
})

test.each([
  'postgres://u:p@host/db?sslmod=verify-full',
  'postgres://u:p@host/db?sslmode=verify_full',
  'postgres://u:p@host/db?SSLMODE=verify-full',
  'postgres://u:p@host/db?ssl=yes',
  'postgres://u:p@host/db?requiressl=1',
  'postgres://u:p@host/db?sslmode=verify-full&sslrootcert=/does/not/exist',
  'mysql://u:p@host/db',
  'host/db',
  'postgres://u:p@a:1,b:2/db?target_session_attrs=standby',
  'postgres://u:p@a/db?target_session_attrs=',
  'postgres://u:p@a/db?target_session_attrs=read-write&target_session_attrs=any',
  'postgres://u:p@a:1,/db',
  'postgres://u:p@,b/db',
  'postgres://u:p@a:1,b:x/db',
  'postgres://u:p@a,b/db?host=/run/postgresql',
  'postgres:///db?host=a,b',
  'postgres://u:p@a,b/db?sslmode=verify_full',
])('DATABASE_URL=%s is a mistake', (url) => {
  expect(problemsOf({ DATABASE_URL: url })).toEqual([expect.stringMatching(/^DATABASE_URL: /)])
})

test.each([
  'redis://redis.internal',
  'rediss://user:p%40ss@redis.internal:6380/3',
  'redis+cluster://a',
  'redis+cluster://user:p%40ss@a:7001,b:7002,[::1]:7003',
  'rediss+cluster://:password@a:7001,b:7002/',
  'redis://a:7001,b:7002,c:7003',
  'redis+sentinel://a,b,c/mymaster',
  'rediss+sentinel://user:password@a:26379,b:26380/mymaster/3?sentinel_username=u&sentinel_password=p',
])('REDIS_URL=%s is right', (url) => {
  expect(readConfig({ DATABASE_URL, REDIS_URL: url }).REDIS_URL).toBe(url)
})

test('the parts of a REDIS_URL for a cluster and for sentinels', () => {
  expect(takeApartRedisUrl('rediss+cluster://user:p%40s,s@a:7001,[::1]:7002,c')).toEqual({
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 7001 },
      { host: '::1', port: 7002 },
      { host: 'c', port: 6379 },
    ],
    username: 'user',
    password: 'p@s,s',
    tls: true,
  })
  expect(takeApartRedisUrl('redis+sentinel://:secret@a:1,b/my%20master/3?sentinel_password=p%26w')).toEqual({
    kind: 'sentinel',
    sentinels: [
      { host: 'a', port: 1 },
      { host: 'b', port: 26_379 },
    ],
    name: 'my master',
    database: 3,
    password: 'secret',
    sentinelPassword: 'p&w',
    tls: false,
  })
})

test.each([
  ['HOST', 'two words'],
  ['PORT', '0x10'],
  ['PORT', '65536'],
  ['PORT', '3000.5'],
  ['LOG_LEVEL', 'INFO'],
  ['DATABASE_POOL_MAX', '1'],
  ['DATABASE_POOL_MAX', 'ten'],
  ['REDIS_URL', 'redis:6379'],
  ['REDIS_URL', 'redis+cluster://a:7001,b:7002/1'],
  ['REDIS_URL', 'redis+cluster://'],
  ['REDIS_URL', 'redis+cluster://a:7001,'],
  ['REDIS_URL', 'redis+cluster://a:7001,b:x'],
  ['REDIS_URL', 'redis+cluster://a:7001,b:65536'],
  ['REDIS_URL', 'redis+cluster://user:%zz@a:7001'],
  ['REDIS_URL', 'redis+cluster://a:7001?family=6'],
  ['REDIS_URL', 'redis://a:7001,b:7002/1'],
  ['REDIS_URL', 'redis+sentinel://a:26379,b:26379'],
  ['REDIS_URL', 'redis+sentinel://a:26379,b:26379/'],
  ['REDIS_URL', 'redis+sentinel://a:26379/mymaster/first'],
  ['REDIS_URL', 'redis+sentinel://a:26379/mymaster?password=x'],
  ['REDIS_URL', 'redis+sentinels://a:26379/mymaster'],
  ['REDIS_URL', 'redis://:%zz@host'],
  ['SENDGRID_WEBHOOK_SCHEME', 'rsa'],
  ['SENDGRID_MAX_AGE', '0'],
  ['STRIPE_MAX_AGE', '5 min'],
  ['MAX_FUTURE', '-1'],
  ['MAX_FUTURE', '99999999999999999999'],
  ['REPLY_MATCH_FALLBACK', 'on'],
  ['SLACK_BOT_TOKEN', 'xoxb-1\nxoxb-2'],
  ['SLACK_API_URL', 'slack.com'],
  ['VAPID_SUBJECT', 'ops@roleferry.com'],
  ['DD_DOGSTATSD_PORT', '0'],
  ['CONSOLE_PASSWORD', 'short'],
  ['RETENTION_PAYLOAD_DAYS', '9007199254740991'],
])('%s=%j is a mistake reported by name', (name, value) => {
  expect(problemsOf({ DATABASE_URL, [name]: value })).toEqual([expect.stringMatching(`^${name}: expected`)])
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

test("Stripe's API needs a key of its shape, and an address without a path", () => {
  const read = (STRIPE_API_KEY: string, STRIPE_API_URL = '') =>
    problemsOf({ DATABASE_URL, ...PRICES, STRIPE_API_KEY, STRIPE_API_URL })
  expect(problemsOf({ DATABASE_URL, STRIPE_API_KEY: 'rk_live_0123456789' })).toEqual([
    'STRIPE_PRICE_PRO: is required when STRIPE_API_KEY is set',
    'STRIPE_PRICE_TEAMS: is required when STRIPE_API_KEY is set',
  ])
  for (const key of ['rk_live_0123456789', 'sk_test_0123456789']) expect(read(key)).toEqual([])
  for (const key of ['pk_live_0123456789', 'whsec_0123456789', 'rk_live', 'rk_live_0123 456789'])
    expect(read(key)).toEqual([expect.stringMatching(/^STRIPE_API_KEY: expected an API key/)])
  for (const url of ['http://127.0.0.1:12111', 'https://api.stripe.com/'])
    expect(read('rk_live_0123456789', url)).toEqual([])
  for (const url of ['api.stripe.com', 'ftp://api.stripe.com', 'https://api.stripe.com/v1', 'https://a:b@c'])
    expect(read('rk_live_0123456789', url)).toEqual([expect.stringMatching(/^STRIPE_API_URL: expected/)])
})

test('.env.example lists every variable that is read, those of the contract among them, and no other', () => {
  const listed = [...readFileSync('.env.example', 'utf8').matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(
    (match) => match[1],
  )
  const contract = [
    'HOST',
    'PORT',
    'TRUST_PROXY',
    'LOG_LEVEL',
    'DATABASE_DIRECT_URL',
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
    'STRIPE_API_KEY',
    'STRIPE_API_URL',
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
    'CONSOLE_READ_PASSWORD',
    'CONSOLE_USER_HEADER',
    'RETENTION_PAYLOAD_DAYS',
    'RETENTION_EVENT_DAYS',
    'RETENTION_MESSAGE_DAYS',
    'KEEP_CHANGES',
  ]
  expect([...new Set(listed)].sort()).toEqual([...VARIABLES].sort())
  expect(VARIABLES).toEqual(expect.arrayContaining(contract))
})
