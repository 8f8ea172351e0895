import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { createTransport } from 'nodemailer'
import pg from 'pg'
import webpush from 'web-push'
import { createRandom, type Random } from '../harness/random.ts'
import { ConfigError } from '../src/config/error.ts'
import { type Config, readConfig } from '../src/config.ts'
import { connectionTo } from '../src/db/connection.ts'

// Settings as people and tools mangle them. Each must be refused by name, or be usable and safe: the service can start
// with it, and its keys protect.

type Environment = Record<string, string>

const HOSTILE = [
  ...[
    '',
    ' ',
    ',',
    '\n',
    '"',
    "''",
    '%',
    '%zz',
    '\u0000',
    '\u202e',
    'true',
    'yes',
    '0',
    '-1',
    '1e9',
    'null',
    'x',
  ],
  ...[
    'whsec_',
    '://',
    'http://',
    'postgres://',
    'smtp://a:b@',
    'redis://:%@h',
    '10.0.0.0/99',
    '?tls=of',
    '__proto__',
  ],
  'x'.repeat(100_000),
]

/** Settings that are right. */
const createEnvironment = (random: Random): Environment => {
  const key = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .publicKey.export({ type: 'spki', format: 'der' })
      .toString('base64')
  const secret = () => random.bytes(24).toString('hex')
  const vapid = webpush.generateVAPIDKeys()
  return {
    HOST: '127.0.0.1',
    PORT: '3000',
    TRUST_PROXY: '10.0.0.0/8,fc00::/7',
    LOG_LEVEL: 'info',
    DATABASE_URL: `postgres://service:${secret()}@localhost:5432/roleferry?sslmode=verify-full`,
    DATABASE_POOL_MAX: '10',
    REDIS_URL: `redis://:${secret()}@localhost:6379/0`,
    SENDGRID_WEBHOOK_KEY: `${key()},${key()}`,
    SENDGRID_WEBHOOK_SCHEME: 'ecdsa',
    SENDGRID_MAX_AGE: '90000',
    STRIPE_WEBHOOK_SECRET: `whsec_${secret()} whsec_${secret()}`,
    STRIPE_PRICE_PRO: 'price_pro',
    STRIPE_PRICE_TEAMS: 'price_teams',
    MAILGUN_WEBHOOK_SIGNING_KEY: `${secret()}\n${secret()}`,
    MAX_FUTURE: '300',
    REPLY_MATCH_FALLBACK: 'mailbox',
    SLACK_BOT_TOKEN: `xoxb-${secret()}`,
    SMTP_URL: `smtp://sam:${secret()}@mail.example:587?requireTLS=true`,
    EMAIL_FROM: 'RoleFerry <hello@roleferry.com>',
    VAPID_PUBLIC_KEY: vapid.publicKey,
    VAPID_PRIVATE_KEY: vapid.privateKey,
    VAPID_SUBJECT: 'mailto:ops@roleferry.com',
    CONSOLE_PASSWORD: secret(),
    RETENTION_EVENT_DAYS: '90',
  }
}

const mutate = (random: Random, environment: Environment): Environment => {
  const mutated = { ...environment }
  for (let n = random.between(1, 3); n > 0; n--) {
    const name = random.pick(Object.keys(mutated))
    const value = mutated[name] ?? ''
    const at = random.between(0, value.length)
    mutated[name] = random.pick([
      () => random.pick(HOSTILE),
      () => value.slice(0, at),
      () => value.slice(at),
      () => value.slice(0, at) + random.pick(HOSTILE).slice(0, 9) + value.slice(at),
      () => value.slice(0, at) + String.fromCharCode(random.between(1, 0x2ff)) + value.slice(at + 1),
      () => random.pick([value.toUpperCase(), `"${value}"`, `${value},`, `${value}\n${value}`, ` ${value} `]),
      () => environment[random.pick(Object.keys(environment))] ?? '',
    ])()
  }
  if (random.percent(25)) mutated.SENDGRID_WEBHOOK_SCHEME = 'hmac'
  return mutated
}

/** What is wrong with how these settings were handled, if anything. */
const judge = (environment: Environment): string | undefined => {
  try {
    const config = readConfig(environment)
    return startProblem(config, environment) ?? worthless(config, environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) return `not refused by name, but with ${error}`
    const unnamed = error.problems.find(
      (problem) => !/^[A-Z][A-Z_]+(, [A-Z_]+)*: [^\n]{5,300}$/.test(problem),
    )
    if (unnamed !== undefined)
      return `a mistake in the message has no name, or is too long: ${unnamed.slice(0, 200)}`
    const shown = secretsOf(environment).find((secret) => error.message.includes(secret))
    return shown === undefined ? undefined : `a mistake shows a secret: ${error.message}`
  }
}

/** Whether the code that uses the settings next would throw, without naming one. */
const startProblem = (config: Config, environment: Environment): string | undefined => {
  try {
    Fastify({ trustProxy: config.TRUST_PROXY })
    new pg.Client(connectionTo(config.DATABASE_URL))
    if (config.REDIS_URL !== undefined) new Redis(config.REDIS_URL, { lazyConnect: true }).disconnect()
    if (config.SMTP_URL !== undefined) createTransport({ ...config.SMTP_URL }).close()
    return undefined
  } catch (error) {
    return `accepted, and then: ${error} (${JSON.stringify(environment).slice(0, 500)})`
  }
}

/** Whether a key was accepted with which anybody can sign, or a password that travels unencrypted. */
const worthless = (config: Config, environment: Environment): string | undefined => {
  const shared = [
    ...config.MAILGUN_WEBHOOK_SIGNING_KEY.map((key) => key.export()),
    ...(config.SENDGRID_WEBHOOK_SCHEME === 'hmac'
      ? config.SENDGRID_WEBHOOK_KEY.map((key) => key.export())
      : []),
    ...config.STRIPE_WEBHOOK_SECRET.map((secret) => Buffer.from(secret.replace(/^whsec_/, ''))),
  ]
  if (shared.some((secret) => secret.length < 16)) return 'a secret of a few letters is accepted'
  if (shared.some((secret) => isPublicKey(secret.toString()))) return 'a public key is accepted as a secret'
  const { SMTP_URL } = config
  if (SMTP_URL?.auth !== undefined && !SMTP_URL.secure && !SMTP_URL.requireTLS && !SMTP_URL.ignoreTLS) {
    return `a password may travel unencrypted: ${environment.SMTP_URL}`
  }
  return undefined
}

const isPublicKey = (text: string): boolean => {
  try {
    createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
    return true
  } catch {
    return false
  }
}

/** Pieces of secrets that no message may show. */
const secretsOf = (environment: Environment): string[] =>
  [
    'SENDGRID_WEBHOOK_KEY',
    'STRIPE_WEBHOOK_SECRET',
    'MAILGUN_WEBHOOK_SIGNING_KEY',
    'SMTP_URL',
    'VAPID_PRIVATE_KEY',
  ]
    .flatMap((name) => (environment[name] ?? '').split(/[\s,:@?=]+/))
    .filter((piece) => piece.length >= 24)

export interface ConfigurationFindings {
  cases: number
  accepted: number
  findings: string[]
}

/** Reads this many mangled environments. */
export const fuzzConfiguration = (seed: number, cases: number): ConfigurationFindings => {
  const random = createRandom(seed)
  const right = createEnvironment(random)
  const findings: string[] = []
  let accepted = 0
  for (let n = 0; n < cases; n++) {
    const environment = mutate(random, right)
    const problem = judge(environment)
    if (problem !== undefined) findings.push(`configuration ${n}: ${problem}`)
    else if (isAccepted(environment)) accepted++
  }
  return { cases, accepted, findings }
}

const isAccepted = (environment: Environment): boolean => {
  try {
    readConfig(environment)
    return true
  } catch {
    return false
  }
}
