import { readdirSync, readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seed } from '../../harness/seed.ts'
import { pauseProcessing } from '../../src/operations/pauses.ts'
import { post } from '../provider-contract.ts'
import { deliverAndSettle as deliverMail, mail } from '../providers/mailgun/deliveries.ts'
import { bodyOf, deliverAndSettle, event, signed } from '../providers/sendgrid/deliveries.ts'
import { deliver as deliverStripe, stripeEnv } from '../providers/stripe/deliveries.ts'
import { eventsOf } from '../providers/stripe/events.ts'
import { eventually, type Service } from '../service.ts'
import { storeEvents } from '../stored.ts'
import { launchBrowser, openTab, picture, seriousFindings } from './browser.ts'
import { startWithConsole } from './console.ts'

// The pictures of docs/console.md: `npm run dev:pictures` takes them again.

let service: Service
let browser: Browser
let page: Page
let complaints: string[]
const HOUR = 3_600_000

beforeAll(async () => {
  browser = await launchBrowser()
  service = await startWithConsole({ ...stripeEnv, DD_ENV: 'production' })
  await seed(service.databaseUrl)
  await traffic()
  await trouble()
}, 600_000)
afterAll(async () => {
  await browser?.close()
  await service?.stop()
})

/** A day as the counts tell it, and some deliveries. */
const traffic = async (): Promise<void> => {
  await service.rows(
    `insert into minute_counts (minute, provider, outcome, count)
     select date_trunc('minute', now()) - n * interval '1 minute', provider, outcome,
            greatest(0, round(most * (1.2 + sin(n / 97.0) + 0.4 * sin(n * 1.7) * sin(n / 3.0))))
     from generate_series(1, 1439) n, (values ('sendgrid', 'processed', 40), ('sendgrid', 'ignored', 12), ('stripe', 'processed', 2),
       ('stripe', 'ignored', 1), ('mailgun', 'processed', 3), ('sendgrid', 'duplicate', 1)) as v(provider, outcome, most)
     where not n between 300 and 312`,
  )
  const one = { outreach_id: 1, email: 'ana@acme.example' }
  const two = { outreach_id: 2, email: 'bob@acme.example' }
  await deliverAndSettle(
    service,
    event('processed', one),
    event('delivered', one),
    event('open', one),
    event('click', one),
  )
  await deliverAndSettle(
    service,
    event('delivered', two),
    event('bounce', two),
    event('spamreport', { outreach_id: 5 }),
  )
  const customer = eventsOf('Sam')
  await deliverStripe(service, customer.subscription('created'))
  await deliverStripe(service, customer.invoice('paid', {}))
  await deliverMail(
    service,
    mail({
      recipient: 'sam@rf-send-01.com',
      sender: 'ana@acme.example',
      text: 'Tuesday at ten works for me. Ana',
    }),
  )
  await service.settled()
}

const ERRORS: [error: string, type: string, provider: string, count: number][] = [
  ['no such price: price_1QdT8uL2', 'invoice.paid', 'stripe', 14],
  ['the mail of outreach 4711 has no time', 'click', 'sendgrid', 6],
  ['canceling statement due to statement timeout', 'inbound', 'mailgun', 2],
]

const trouble = async (): Promise<void> => {
  const now = service.now().getTime()
  for (const [lastError, eventType, provider, count] of ERRORS) {
    await storeEvents(
      service.db,
      Array.from({ length: count }, (_, n) => ({
        provider,
        eventType,
        eventId: `${provider}-${eventType}-${n}`,
        payload:
          provider === 'stripe' ? { id: `evt_${n}`, type: eventType } : { event: eventType, outreach_id: 3 },
        subject: provider === 'stripe' ? 'customer:cus_Sam' : 'outreach:3',
        status: 'dead',
        attempts: 8,
        lastError,
        receivedAt: new Date(now - 2 * HOUR - n * 240_000),
      })),
    )
  }
  await service.rows(
    `insert into service_marks (kind, at, ended_at, instance, detail) values
       ('outage', now() - interval '312 minutes', now() - interval '300 minutes', 'web-1:3000', null),
       ('start', now() - interval '7 hours', null, 'web-1:3000', '2026.11.27')`,
  )
  await service.rows(
    `insert into deferred_deliveries (provider, deferred_at, dedupe_key, event_count)
     select 'sendgrid', now() - interval '306 minutes', dedupe_key, 4 from webhook_events where event_type = 'open'
     union all select 'stripe', now() - interval '304 minutes', dedupe_key, 1 from webhook_events where event_type = 'customer.subscription.created'
     union all select 'sendgrid', now() - interval '303 minutes', 'a delivery that is still missing', 12`,
  )
  await service.rows(
    `insert into minute_counts (minute, provider, outcome, reason, count) values
       (date_trunc('minute', now()) - interval '306 minutes', 'sendgrid', 'refused', 'unavailable', 2),
       (date_trunc('minute', now()) - interval '304 minutes', 'stripe', 'refused', 'unavailable', 1)`,
  )
  const by = { operator: 'kim', via: 'console', reason: 'the new price is not known yet' } as const
  await pauseProcessing(
    service.db,
    { provider: 'stripe', type: 'invoice.paid' },
    by,
    new Date(now - 90 * 60_000),
  )
  for (let n = 0; n < 24; n++) {
    await post(service, '/webhooks/sendgrid', signed(bodyOf([event('open')]), { key: 'wrong' }))
  }
  await eventually(
    async () =>
      (await service.rows(`select from minute_counts where outcome = 'refused'`)).length > 0 || undefined,
    'the counts are stored',
  )
}

const minutesAgo = (minutes: number): string =>
  new Date(service.now().getTime() - minutes * 60_000).toISOString().slice(0, 19)

const idOf = async (table: string, where: string): Promise<string> =>
  String((await service.rows(`select id from ${table} where ${where} order by id desc limit 1`))[0]?.id)

/** Every page of the console, by the name of its picture. */
const PAGES: [name: string, path: () => string | Promise<string>][] = [
  ['overview', () => '/console'],
  ['errors', () => '/console/errors'],
  ['events', () => '/console/events?q=ana@acme.example'],
  ['event', async () => `/console/events/${await idOf('webhook_events', `event_type = 'spamreport'`)}`],
  ['event-dead', async () => `/console/events/${await idOf('webhook_events', `status = 'dead'`)}`],
  ['deliveries', () => '/console/deliveries'],
  ['delivery', async () => `/console/deliveries/${await idOf('webhook_deliveries', `event_count = 4`)}`],
  ['refused', () => '/console/refused'],
  ['refused-delivery', async () => `/console/refused/${await idOf('refused_deliveries', 'true')}`],
  ['replay', () => '/console/replay?status=dead'],
  ['pauses', () => '/console/pauses'],
  ['outage', () => `/console/outage?from=${minutesAgo(330)}&to=${minutesAgo(290)}`],
  ['audit', () => '/console/audit'],
  ['mailboxes', () => '/console/mailboxes'],
  ['mailbox', () => '/console/mailboxes/1'],
  ['outreach', () => '/console/outreach/1'],
  ['contact', () => '/console/contacts/1'],
  ['user', () => '/console/users/1'],
]

describe.each([
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
] as const)('in the look %s', (look, options) => {
  beforeAll(async () => {
    ;({ page, complaints } = await openTab(browser, service, { ...options, timezoneId: 'Europe/Berlin' }))
  })
  afterAll(() => page.context().close())

  const shown = look === 'light' ? PAGES : PAGES.filter(([name]) => name === 'overview')
  test.each(shown)(
    'the page %s is shown',
    async (name, path) => {
      expect((await page.goto(await path()))?.status()).toBe(200)
      expect(await seriousFindings(page)).toEqual([])
      expect(complaints).toEqual([])
      await picture(page, look === 'light' ? name : `${name}-${look}`)
    },
    120_000,
  )
})

test('the documents show every page, and no picture of another', () => {
  const taken = readdirSync('docs/images/console').sort()
  expect(taken).toEqual([...PAGES.map(([name]) => `${name}.png`), 'overview-dark.png'].sort())
  const text = readFileSync('docs/console.md', 'utf8')
  expect(taken.filter((name) => !text.includes(`images/console/${name}`))).toEqual([])
})
