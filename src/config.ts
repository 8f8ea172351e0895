import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import webpush from 'web-push'
import { z } from 'zod'

/** Variables that hold a secret: each may be given as `NAME_FILE`, the path of a file that holds the value. */
const SECRETS = [
  'DATABASE_URL',
  'REDIS_URL',
  'SENDGRID_WEBHOOK_KEY',
  'STRIPE_WEBHOOK_SECRET',
  'MAILGUN_WEBHOOK_SIGNING_KEY',
  'SLACK_BOT_TOKEN',
  'SMTP_URL',
  'VAPID_PRIVATE_KEY',
  'CONSOLE_PASSWORD',
  'SERVICE_PASSWORD',
] as const

const HOUR = 3_600

const integer = (fallback: number, least = 0, most = Number.MAX_SAFE_INTEGER) =>
  z.coerce
    .number({ error: 'expected a whole number' })
    .int('expected a whole number')
    .min(least, `expected at least ${least}`)
    .max(most, `expected at most ${most}`)
    .default(fallback)

const url = (example: string, ...protocols: string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `expected a URL like ${example}`,
  })

/** `a, b` -> `['a', 'b']`: several live keys, so that one can be replaced without losing an event. */
const list = z
  .string()
  .transform((value) => value.split(',').map((part) => part.trim()))
  .refine((parts) => parts.every((part) => part !== ''), {
    error: 'expected one value, or several separated by commas',
  })

/** Shared secrets, of which any one may match; none: not configured, the route answers 503. */
const secretKeys = list.transform((secrets) => secrets.map(secretKey)).default([])

const schema = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: integer(3000, 0, 65_535),
  TRUST_PROXY: z.string().default('false').transform(readTrustProxy),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'expected fatal, error, warn, info, debug, trace or silent',
    })
    .default('info'),
  DATABASE_URL: url('postgres://user:password@host:5432/roleferry', 'postgres:', 'postgresql:'),
  DATABASE_POOL_MAX: integer(10, 2, 1_000),
  REDIS_URL: url('redis://host:6379/0', 'redis:', 'rediss:').optional(),
  SENDGRID_WEBHOOK_KEY: list.optional(),
  SENDGRID_WEBHOOK_SCHEME: z.enum(['ecdsa', 'hmac'], { error: 'expected ecdsa or hmac' }).default('ecdsa'),
  SENDGRID_MAX_AGE: integer(25 * HOUR, 1),
  STRIPE_WEBHOOK_SECRET: list
    .refine((secrets) => secrets.every((secret) => secret.startsWith('whsec_')), {
      error: 'expected the signing secret of the endpoint, which starts with whsec_',
    })
    .default([]),
  STRIPE_MAX_AGE: integer(300, 1),
  STRIPE_PRICE_PRO: z.string().optional(),
  STRIPE_PRICE_TEAMS: z.string().optional(),
  MAILGUN_WEBHOOK_SIGNING_KEY: secretKeys,
  MAILGUN_MAX_AGE: integer(9 * HOUR, 1),
  MAX_FUTURE: integer(300),
  REPLY_MATCH_FALLBACK: z.enum(['mailbox', 'off'], { error: 'expected mailbox or off' }).default('mailbox'),
  SLACK_BOT_TOKEN: z.string().optional(),
  SLACK_API_URL: url('https://slack.com/api/', 'http:', 'https:').optional(),
  SLACK_CHANNEL_DELIVERABILITY: z.string().default('#deliverability'),
  SLACK_CHANNEL_BILLING: z.string().default('#billing'),
  SLACK_CHANNEL_OPS: z.string().default('#webhooks'),
  SMTP_URL: url('smtp://user:password@host:587', 'smtp:', 'smtps:').optional(),
  EMAIL_FROM: z
    .string()
    .regex(
      /^(?:[^<>@\p{Cc}]*<[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;]+@[^\s<>@,;]+)$/u,
      'expected one address, as in RoleFerry <hello@roleferry.com>',
    )
    .default('RoleFerry <hello@roleferry.com>'),
  VAPID_PUBLIC_KEY: z.string().optional(),
  VAPID_PRIVATE_KEY: z.string().optional(),
  VAPID_SUBJECT: url('mailto:ops@roleferry.com', 'mailto:', 'https:').default('mailto:ops@roleferry.com'),
  DD_AGENT_HOST: z.string().default('127.0.0.1'),
  DD_DOGSTATSD_PORT: integer(8125, 1, 65_535),
  DD_ENV: z.string().optional(),
  DD_SERVICE: z.string().default('roleferry-webhooks'),
  DD_VERSION: z.string().optional(),
  CONSOLE_PASSWORD: z.string().min(12, 'expected at least 12 characters').optional(),
  RETENTION_PAYLOAD_DAYS: integer(30, 1),
  // Redis remembers an event for a day and Stripe can resend one for 30: the row must outlive both.
  RETENTION_EVENT_DAYS: integer(90, 31),
  RETENTION_MESSAGE_DAYS: integer(365, 1),
})

/** The service's settings: every variable by its own name, keys as key objects, ages in seconds. */
export type Config = WithSendgridKeys<z.infer<typeof schema>>

/** Which kind they are depends on the scheme, so they are read apart. */
type WithSendgridKeys<Values> = Omit<Values, 'SENDGRID_WEBHOOK_KEY'> & { SENDGRID_WEBHOOK_KEY: KeyObject[] }

type Environment = Readonly<Record<string, string | undefined>>

/** All that is wrong with the environment, a line each, each naming its variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:
${problems.map((problem) => `  ${problem}`).join('\n')}
.env.example lists every variable with its meaning.`)
    this.problems = problems
  }
}

/**
 * Reads the environment, once. An empty variable counts as unset.
 *
 * @throws {ConfigError} naming every mistake at once.
 */
export const readConfig = (environment: Environment): Config => {
  const { values, settings, sendgridKeys, problems } = readWith(schema, environment)
  if (values.STRIPE_WEBHOOK_SECRET !== undefined) {
    for (const name of ['STRIPE_PRICE_PRO', 'STRIPE_PRICE_TEAMS'] as const) {
      if (values[name] === undefined) problems.push(`${name}: is required when STRIPE_WEBHOOK_SECRET is set`)
    }
    if (values.STRIPE_PRICE_PRO !== undefined && values.STRIPE_PRICE_PRO === values.STRIPE_PRICE_TEAMS) {
      problems.push('STRIPE_PRICE_TEAMS: expected another price than STRIPE_PRICE_PRO')
    }
  }
  problems.push(...vapidProblems(values))
  if (settings === undefined || sendgridKeys === undefined || problems.length > 0) {
    throw new ConfigError(problems)
  }
  return { ...settings, SENDGRID_WEBHOOK_KEY: sendgridKeys }
}

const verificationSchema = schema.pick({
  SENDGRID_WEBHOOK_SCHEME: true,
  SENDGRID_MAX_AGE: true,
  STRIPE_WEBHOOK_SECRET: true,
  STRIPE_MAX_AGE: true,
  MAILGUN_WEBHOOK_SIGNING_KEY: true,
  MAILGUN_MAX_AGE: true,
  MAX_FUTURE: true,
})

/** Only what deliveries are verified with, for the command that explains why one does not. */
export type VerificationConfig = WithSendgridKeys<z.infer<typeof verificationSchema>>

/** Reads {@link VerificationConfig}. @throws {ConfigError} */
export const readVerificationConfig = (environment: Environment): VerificationConfig => {
  const { settings, sendgridKeys, problems } = readWith(verificationSchema, environment)
  if (settings === undefined || sendgridKeys === undefined || problems.length > 0) {
    throw new ConfigError(problems)
  }
  return { ...settings, SENDGRID_WEBHOOK_KEY: sendgridKeys }
}

/** Reads a schema's variables and SendGrid's keys; `problems` names every mistake so far. */
const readWith = <Schema extends z.ZodObject>(expected: Schema, environment: Environment) => {
  const problems: string[] = []
  const values = withSecretFiles(environment, problems)
  const parsed = expected.safeParse(values)
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    if (name === 'SENDGRID_WEBHOOK_KEY') continue // reported below, with what is expected
    problems.push(`${name}: ${values[name] === undefined ? 'is required' : issue.message}`)
  }
  const sendgridKeys = readSendgridKeys(values)
  if (sendgridKeys === undefined) problems.push(SENDGRID_KEY_EXPECTED)
  return { values, settings: parsed.data, sendgridKeys, problems }
}

/** Only one URL, for the commands that need nothing else. @throws {ConfigError} */
const readUrl = (environment: Environment, name: 'DATABASE_URL' | 'REDIS_URL'): string => {
  const problems: string[] = []
  const value = withSecretFiles(environment, problems)[name]
  const parsed = schema.shape[name].safeParse(value)
  if (value === undefined) problems.push(`${name}: is required`)
  else if (!parsed.success) problems.push(`${name}: ${parsed.error.issues[0]?.message}`)
  if (parsed.data === undefined || problems.length > 0) throw new ConfigError(problems)
  return parsed.data
}

/** @throws {ConfigError} */
export const readDatabaseUrl = (environment: Environment): string => readUrl(environment, 'DATABASE_URL')

/** @throws {ConfigError} */
export const readRedisUrl = (environment: Environment): string => readUrl(environment, 'REDIS_URL')

/** For `db:migrate -- --grant NAME`: the password that the role gets, if any. @throws {ConfigError} */
export const readServicePassword = (environment: Environment): string | undefined => {
  const problems: string[] = []
  const { SERVICE_PASSWORD } = withSecretFiles(environment, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return SERVICE_PASSWORD
}

const withSecretFiles = (
  environment: Environment,
  problems: string[],
): Record<string, string | undefined> => {
  const values: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value.trim() !== '') values[name] = value.trim()
  }
  for (const name of SECRETS) {
    const file = values[`${name}_FILE`]
    if (file === undefined) continue
    if (values[name] !== undefined) {
      problems.push(`${name}: is set twice, also as ${name}_FILE; expected one of them`)
      continue
    }
    try {
      const content = readFileSync(file, 'utf8').trim()
      if (content === '') problems.push(`${name}_FILE: the file is empty`)
      else values[name] = content
    } catch (error) {
      problems.push(`${name}_FILE: cannot read the file (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  return values
}

const SENDGRID_KEY_EXPECTED =
  'SENDGRID_WEBHOOK_KEY: expected the verification key shown beside the webhook (base64, starts with MFkw), ' +
  'or with SENDGRID_WEBHOOK_SCHEME=hmac the shared secret; several separated by commas'

const readSendgridKeys = (values: Environment): KeyObject[] | undefined => {
  const parts = list.optional().safeParse(values.SENDGRID_WEBHOOK_KEY)
  if (!parts.success) return undefined
  try {
    return (parts.data ?? []).map(values.SENDGRID_WEBHOOK_SCHEME === 'hmac' ? secretKey : ecdsaKey)
  } catch {
    return undefined
  }
}

function secretKey(text: string): KeyObject {
  return createSecretKey(Buffer.from(text, 'utf8'))
}

const ecdsaKey = (text: string): KeyObject => {
  const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a P-256 key')
  return key
}

const vapidProblems = (values: Record<string, string | undefined>): string[] => {
  const { VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY } = values
  if (VAPID_PUBLIC_KEY === undefined && VAPID_PRIVATE_KEY === undefined) return []
  if (VAPID_PUBLIC_KEY === undefined) return ['VAPID_PUBLIC_KEY: is required with VAPID_PRIVATE_KEY']
  if (VAPID_PRIVATE_KEY === undefined) return ['VAPID_PRIVATE_KEY: is required with VAPID_PUBLIC_KEY']
  try {
    webpush.getVapidHeaders(
      'https://push.example',
      'mailto:ops@roleferry.com',
      VAPID_PUBLIC_KEY,
      VAPID_PRIVATE_KEY,
      'aes128gcm',
    )
    return []
  } catch {
    return ['VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY: expected a key pair as `npm run vapid` prints it']
  }
}

/** `true`, `false`, a number of hops, or addresses and networks separated by commas. */
function readTrustProxy(value: string): boolean | string | ((address: string, hop: number) => boolean) {
  if (value === 'true' || value === 'false') return value === 'true'
  return /^\d+$/.test(value) ? (_address, hop) => hop < Number(value) : value
}
