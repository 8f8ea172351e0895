import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import webpush from 'web-push'
import { z } from 'zod'
import { databaseUrl } from './config/database-url.ts'
import { ConfigError } from './config/error.ts'
import { ecdsaKeys, sharedSecrets, stripeSecrets } from './config/keys.ts'
import { priceList, priceProblems } from './config/prices.ts'
import { redisUrl } from './config/redis-url.ts'
import { smtpUrl } from './config/smtp-url.ts'
import { trustProxy } from './config/trust-proxy.ts'

/** A variable that holds a secret may be given as `NAME_FILE`, the path of a file that holds the value. */
const secret = <Schema extends z.ZodType>(schema: Schema): Schema => schema.meta({ secret: true })

const HOUR = 3_600

/** The longest age: short enough for every calculation with times. */
const TEN_YEARS = { seconds: 315_360_000, days: 3_650 }

const integer = (fallback: number, least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().min(least, `expected at least ${least}`).max(most, `expected at most ${most}`))
    .default(fallback)

/** Seconds. */
const age = (fallback: number, least = 1) => integer(fallback, least, TEN_YEARS.seconds)
const days = (fallback: number, least = 1) => integer(fallback, least, TEN_YEARS.days)

const url = (example: string, ...protocols: string[]) =>
  z.string().refine((value) => isUrl(value, protocols), { error: `expected a URL like ${example}` })

const isUrl = (value: string, protocols: string[]): boolean => {
  const url = URL.parse(value)
  if (url === null || !protocols.includes(url.protocol)) return false
  try {
    decodeURIComponent(url.username + url.password) // the client does so when it connects, and throws
    return url.protocol === 'mailto:' ? url.pathname !== '' : url.hostname !== ''
  } catch {
    return false
  }
}

/** The address of a server: nothing after the port. */
const origin = (example: string) =>
  url(example, 'http:', 'https:').refine((value) => !URL.canParse(value) || isOrigin(new URL(value)), {
    error: `expected an address without a path, like ${example}`,
  })

const isOrigin = ({ pathname, search, hash, username, password }: URL): boolean =>
  pathname === '/' && search + hash + username + password === ''

const consolePassword = z.string().min(12, 'expected at least 12 characters')

/**
 * What deliveries are verified with: of each provider its keys, of which any one may match (without one its route answers
 * 503), and the age from which a signature is stale. A new provider's are two lines here.
 */
const verification = {
  // What they are depends on the scheme, which is read below.
  SENDGRID_WEBHOOK_KEY: secret(z.string().optional()),
  SENDGRID_WEBHOOK_SCHEME: z.enum(['ecdsa', 'hmac'], { error: 'expected ecdsa or hmac' }).default('ecdsa'),
  SENDGRID_MAX_AGE: age(25 * HOUR),
  STRIPE_WEBHOOK_SECRET: secret(stripeSecrets.default([])),
  STRIPE_MAX_AGE: age(300),
  MAILGUN_WEBHOOK_SIGNING_KEY: secret(sharedSecrets.default([])),
  MAILGUN_MAX_AGE: age(9 * HOUR),
  MAX_FUTURE: age(300, 0),
}

const schema = z.object({
  HOST: z
    .string()
    .regex(/^[\w.:%-]{1,255}$/, 'expected an address of this machine, as in 0.0.0.0')
    .default('0.0.0.0'),
  PORT: integer(3000, 0, 65_535),
  TRUST_PROXY: trustProxy.default(false),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'expected fatal, error, warn, info, debug, trace or silent',
    })
    .default('info'),
  DATABASE_URL: secret(databaseUrl),
  DATABASE_DIRECT_URL: secret(databaseUrl.optional()),
  DATABASE_POOL_MAX: integer(10, 2, 1_000),
  REDIS_URL: secret(redisUrl.optional()),
  ...verification,
  STRIPE_PRICE_PRO: priceList.default([]),
  STRIPE_PRICE_TEAMS: priceList.default([]),
  STRIPE_API_KEY: secret(
    z
      .string()
      .regex(
        /^[rs]k_\w{8,}$/,
        'expected an API key (best a restricted, read-only one), which starts with rk_ or sk_',
      )
      .optional(),
  ),
  STRIPE_API_URL: origin('https://api.stripe.com').optional(),
  REPLY_MATCH_FALLBACK: z.enum(['mailbox', 'off'], { error: 'expected mailbox or off' }).default('mailbox'),
  SLACK_BOT_TOKEN: secret(
    z
      .string()
      .regex(/^[!-~]+$/, 'expected one token, as in xoxb-…')
      .optional(),
  ),
  SLACK_API_URL: url('https://slack.com/api/', 'http:', 'https:').optional(),
  SLACK_CHANNEL_DELIVERABILITY: z.string().default('#deliverability'),
  SLACK_CHANNEL_BILLING: z.string().default('#billing'),
  SLACK_CHANNEL_OPS: z.string().default('#webhooks'),
  SMTP_URL: secret(smtpUrl.optional()),
  EMAIL_FROM: z
    .string()
    .regex(
      /^(?:[^<>@\p{Cc}]*<[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;]+@[^\s<>@,;]+)$/u,
      'expected one address, as in RoleFerry <hello@roleferry.com>',
    )
    .default('RoleFerry <hello@roleferry.com>'),
  VAPID_PUBLIC_KEY: z.string().optional(),
  VAPID_PRIVATE_KEY: secret(z.string().optional()),
  VAPID_SUBJECT: url('mailto:ops@roleferry.com', 'mailto:', 'https:').default('mailto:ops@roleferry.com'),
  DD_AGENT_HOST: z.string().default('127.0.0.1'),
  DD_DOGSTATSD_PORT: integer(8125, 1, 65_535),
  DD_ENV: z.string().optional(),
  DD_SERVICE: z.string().default('roleferry-webhooks'),
  DD_VERSION: z.string().optional(),
  CONSOLE_PASSWORD: secret(consolePassword.optional()),
  CONSOLE_READ_PASSWORD: secret(consolePassword.optional()),
  CONSOLE_USER_HEADER: z
    .string()
    .regex(/^[\w-]{1,100}$/, 'expected the name of a header, as in X-Forwarded-User')
    .toLowerCase()
    .optional(),
  RETENTION_PAYLOAD_DAYS: days(30),
  // Redis remembers an event for a day and Stripe can resend one for 30: the row must outlive both.
  RETENTION_EVENT_DAYS: days(90, 31),
  RETENTION_MESSAGE_DAYS: days(365),
  KEEP_CHANGES: z.enum(['on', 'off'], { error: 'expected on or off' }).default('off'),
})

/** Every variable that the service reads. */
export const VARIABLES = Object.keys(schema.shape)

/** `SERVICE_PASSWORD` is for `db:migrate` alone. */
const SECRETS = [
  'SERVICE_PASSWORD',
  ...Object.entries(schema.shape).flatMap(([name, read]) => (read.meta()?.secret === true ? [name] : [])),
]

/** The service's settings: every variable by its own name, keys as key objects, ages in seconds. */
export type Config = WithSendgridKeys<z.infer<typeof schema>>

/** Which kind they are depends on the scheme, so they are read apart. */
type WithSendgridKeys<Values> = Omit<Values, 'SENDGRID_WEBHOOK_KEY'> & { SENDGRID_WEBHOOK_KEY: KeyObject[] }

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the environment, once. An empty variable counts as unset.
 *
 * @throws {ConfigError} naming every mistake at once.
 */
export const readConfig = (environment: Environment): Config => {
  const { values, settings, sendgridKeys, problems } = readWith(schema, environment)
  problems.push(...priceProblems(values))
  problems.push(...vapidProblems(values))
  problems.push(...consoleProblems(values))
  if (settings === undefined || sendgridKeys === undefined || problems.length > 0) {
    throw new ConfigError(problems)
  }
  return { ...settings, SENDGRID_WEBHOOK_KEY: sendgridKeys }
}

const verificationSchema = z.object(verification)

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
  problems.push(...problemsIn(parsed.error, values))
  const sendgridKeys = readSendgridKeys(values, problems)
  return { values, settings: parsed.data, sendgridKeys, problems }
}

const problemsIn = (error: z.ZodError | undefined, values: Environment): string[] =>
  (error?.issues ?? []).map(({ path, message }) => {
    const name = String(path[0])
    return `${name}: ${values[name] === undefined ? 'is required' : message}`
  })

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

/** The way to Postgres for what no pooler can carry: a lock or LISTEN of a session. @throws {ConfigError} */
export const readDirectDatabaseUrl = (environment: Environment): string => {
  const direct = readAlone(directSchema, environment).DATABASE_DIRECT_URL
  return direct ?? readDatabaseUrl(environment)
}

/** @throws {ConfigError} */
export const readRedisUrl = (environment: Environment): string => readUrl(environment, 'REDIS_URL')

const directSchema = schema.pick({ DATABASE_DIRECT_URL: true })

const stripeApiSchema = schema.pick({ STRIPE_API_KEY: true, STRIPE_API_URL: true }).required({
  STRIPE_API_KEY: true,
})

/** Only what Stripe's API is asked with, for the commands that ask it. */
export type StripeApiConfig = z.infer<typeof stripeApiSchema>

/** Reads {@link StripeApiConfig}. @throws {ConfigError} also when there is no key. */
export const readStripeApiConfig = (environment: Environment): StripeApiConfig =>
  readAlone(stripeApiSchema, environment)

const reconciliationSchema = schema
  .pick({ STRIPE_API_KEY: true, STRIPE_API_URL: true, STRIPE_PRICE_PRO: true, STRIPE_PRICE_TEAMS: true })
  .required({ STRIPE_API_KEY: true })

/** What `stripe reconcile` works with. */
export type ReconciliationConfig = z.infer<typeof reconciliationSchema>

/** Reads {@link ReconciliationConfig}. @throws {ConfigError} also when there is no key, or a tier has no price. */
export const readReconciliationConfig = (environment: Environment): ReconciliationConfig =>
  readAlone(reconciliationSchema, environment, priceProblems)

/** Only these variables, for the commands that need no other. */
const readAlone = <Schema extends z.ZodObject>(
  expected: Schema,
  environment: Environment,
  moreProblems: (values: Environment) => string[] = () => [],
): z.infer<Schema> => {
  const problems: string[] = []
  const values = withSecretFiles(environment, problems)
  const { data, error } = expected.safeParse(values)
  problems.push(...problemsIn(error, values), ...moreProblems(values))
  if (data === undefined || problems.length > 0) throw new ConfigError(problems)
  return data
}

/** For `db:migrate -- --grant NAME`: the password that the role gets, if any. @throws {ConfigError} */
export const readServicePassword = (environment: Environment): string | undefined => {
  const problems: string[] = []
  const { SERVICE_PASSWORD } = withSecretFiles(environment, problems)
  if (SERVICE_PASSWORD !== undefined && !/^[ -~]+$/.test(SERVICE_PASSWORD)) {
    problems.push('SERVICE_PASSWORD: expected printable ASCII')
  }
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

/** Undefined with a mistake. */
const readSendgridKeys = (values: Environment, problems: string[]): KeyObject[] | undefined => {
  const { SENDGRID_WEBHOOK_KEY, SENDGRID_WEBHOOK_SCHEME } = values
  const keys = SENDGRID_WEBHOOK_SCHEME === 'hmac' ? sharedSecrets : ecdsaKeys
  const parsed = keys.default([]).safeParse(SENDGRID_WEBHOOK_KEY)
  for (const issue of parsed.error?.issues ?? []) problems.push(`SENDGRID_WEBHOOK_KEY: ${issue.message}`)
  return parsed.data
}

const consoleProblems = ({
  CONSOLE_PASSWORD,
  CONSOLE_READ_PASSWORD,
  CONSOLE_USER_HEADER,
  TRUST_PROXY,
}: Environment) => [
  ...(CONSOLE_READ_PASSWORD !== undefined && CONSOLE_READ_PASSWORD === CONSOLE_PASSWORD
    ? ['CONSOLE_READ_PASSWORD: is the same as CONSOLE_PASSWORD; expected another one']
    : []),
  ...(CONSOLE_USER_HEADER !== undefined && (TRUST_PROXY === undefined || TRUST_PROXY === 'false')
    ? ['CONSOLE_USER_HEADER: counts only from a proxy that TRUST_PROXY names, which is not set']
    : []),
]

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
    return ['VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY: expected a key pair as `npm run dev:vapid` prints it']
  }
}
