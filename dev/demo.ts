import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import pg from 'pg'
import { startMailServer } from '../harness/mail-server.ts'
import { seed } from '../harness/seed.ts'
import { startStack } from '../harness/stack.ts'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { migrate } from '../src/migrate.ts'
import { createMailgunSigner } from '../src/simulators/mailgun/sign.ts'
import { createSendgridSigner } from '../src/simulators/sendgrid/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import { createStripeSigner } from '../src/simulators/stripe/sign.ts'
import { PRO, TEAMS } from '../test/providers/stripe/events.ts'
import { playBilling } from './billing.ts'
import { changes, takeSnapshot } from './snapshot.ts'
import { mailgunStory } from './stories/mailgun.ts'
import { sendgridStory } from './stories/sendgrid.ts'
import type { Step } from './stories/step.ts'
import { stripeStory } from './stories/stripe.ts'

// Plays signed deliveries at the real service and shows what each was answered and which rows it changed. Exits with 0
// only when everything is as the rules say.

const folder = fileURLToPath(new URL(`../.data/demo-${process.pid}`, import.meta.url))
const say = (text: string) => console.log(text)

say('Starting PostgreSQL and Redis …')
const stack = await startStack(folder, { temporary: true })
const databaseUrl = stack.postgres.url
await migrate(databaseUrl)
await seed(databaseUrl)

const sendgrid = createSendgridSigner()
const mailgun = createMailgunSigner()
const stripe = createStripeSigner()
const mail = await startMailServer()
const config = readConfig({
  DATABASE_URL: databaseUrl,
  REDIS_URL: stack.redis.url,
  SENDGRID_WEBHOOK_KEY: sendgrid.publicKey,
  MAILGUN_WEBHOOK_SIGNING_KEY: mailgun.key,
  STRIPE_WEBHOOK_SECRET: stripe.secret,
  STRIPE_PRICE_PRO: PRO,
  STRIPE_PRICE_TEAMS: TEAMS,
  SMTP_URL: mail.url,
  LOG_LEVEL: 'silent',
})
const app = await buildApp(config)
const url = await app.listen({ host: '127.0.0.1', port: 0 })
say(`The service listens on ${url}\n`)
const db = new pg.Pool({ connectionString: databaseUrl })
db.on('error', () => {}) // PostgreSQL may stop before its last connection is gone

const deliver = async (path: string, request: SignedRequest): Promise<string> => {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: request.headers,
    body: new Uint8Array(request.body),
  })
  const body = (await response.json()) as Record<string, unknown>
  if (body.status === 'ok')
    return `${response.status} ok, ${body.accepted} accepted, ${body.duplicates} duplicates`
  if (body.status === 'duplicate') return `${response.status} duplicate`
  return `${response.status} ${body.code}: ${body.message}`
}

const play = async ({ title, path, request, answer, changes: expected }: Step): Promise<boolean> => {
  const before = await takeSnapshot(db)
  const got = await deliver(path, request)
  await app.processors.idle()
  const found = changes(before, await takeSnapshot(db))
  const missing = expected.filter((line) => !found.includes(line))
  const surplus = found.filter((line) => !expected.includes(line))
  const right = got === answer && missing.length === 0 && surplus.length === 0
  say(`${right ? styleText('green', '✓') : styleText('red', '✗')} ${styleText('bold', title)}`)
  say(`    answer   ${got}${got === answer ? '' : styleText('red', `   expected ${answer}`)}`)
  if (found.length === 0) say(styleText('dim', '    changed  nothing'))
  for (const line of found) {
    const [name, ...rest] = line.split(': ')
    for (const [n, change] of rest.join(': ').split(', ').entries()) {
      const label = `    ${n === 0 ? (name ?? '').padEnd(26) : ' '.repeat(26)}`
      say(`${label} ${surplus.includes(line) ? styleText('red', `${change}   (not expected)`) : change}`)
    }
  }
  for (const line of missing) say(styleText('red', `    missing: ${line}`))
  say('')
  return right
}

let right = 0
const now = new Date()
const stories = [
  { name: 'SendGrid: what happened to the mail', steps: sendgridStory(sendgrid, now) },
  { name: 'Mailgun: what came back', steps: mailgunStory(mailgun, now) },
]
const billing = stripeStory(stripe, now)
const total = stories.flatMap(({ steps }) => steps).length + billing.length
try {
  for (const { name, steps } of stories) {
    say(styleText(['bold', 'underline'], name))
    for (const step of steps) if (await play(step)) right++
  }
  say(styleText(['bold', 'underline'], 'Stripe: what happened to a subscription'))
  right += await playBilling(billing, {
    db,
    mail,
    deliver: (request) => deliver('/webhooks/stripe', request),
    idle: () => app.processors.idle(),
  })
} finally {
  await app.close()
  await db.end()
  await mail.stop()
  await stack.stop()
  rmSync(stack.postgres.folder, { recursive: true, force: true })
}
say(`${right} of ${total} steps did what the rules say.`)
process.exitCode = right === total ? 0 : 1
