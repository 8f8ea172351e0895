import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pauseProcessing } from '../../src/operations/pauses.ts'
import { post } from '../provider-contract.ts'
import { deliverAndSettle as deliverMail, mail } from '../providers/mailgun/deliveries.ts'
import {
  bodyOf,
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  signed,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'
import { launchBrowser, openTab, picture, seriousFindings } from './browser.ts'
import { killedEvent, startWithConsole } from './console.ts'

let service: Service
let browser: Browser
let page: Page
let complaints: string[]

/** What a stranger would like the operator's browser to run. */
const SCRIPT = `"><script>alert('script')</script><img src=x onerror="alert('image')">`

beforeAll(async () => {
  browser = await launchBrowser()
  service = await startWithConsole()
  for (const id of [1, 2, 3]) await seedOutreach(service, id)
  await service.rows(`update contacts set first_name = 'Ben', last_name = 'Okri' where id = 2`)
  await service.rows(`insert into companies (name) values ('Acme & Sons')`)
  await service.rows(`insert into jobs (company_id, title) values (1, 'Engineer')`)
  await service.rows('update applications set job_id = 1')
  await service.rows(
    `update users set stripe_customer_id = 'cus_one', subscription_tier = 'pro' where id = 1`,
  )
  await deliverAndSettle(
    service,
    event('processed'),
    event('delivered'),
    event('click', { sg_event_id: 'the-click', [SCRIPT]: SCRIPT }),
    event('open', { useragent: SCRIPT }),
    event('spamreport', { outreach_id: 3 }),
    event('bounce', { outreach_id: 2 }),
    event(SCRIPT),
    event('click', { outreach_id: null }),
    event('click', { outreach_id: 77 }),
  )
  await deliverMail(
    service,
    mail({ headers: { Subject: SCRIPT, From: `"${SCRIPT.replaceAll('"', '')}" <contact1@example.com>` } }),
  )
  await killedEvent(service, 'killed-1')
  await deliver(service, event('delivered', { outreach_id: 2, sg_event_id: 'seen' }))
  await service.settled()
  const by = { operator: 'kim', via: 'command line', reason: `a bug ${SCRIPT}` } as const
  await pauseProcessing(service.db, { provider: 'sendgrid', type: 'dropped' }, by, service.now())
  await post(service, '/webhooks/sendgrid', signed(bodyOf([event('click')]), { key: 'wrong' }))
  // The counts are flushed every few seconds.
  await eventually(
    async () =>
      (await service.rows(`select from minute_counts where outcome = 'refused'`)).length > 0 || undefined,
    'the counts are stored',
  )
}, 600_000)
afterAll(async () => {
  await browser?.close()
  await service?.stop()
})

const idOf = async (where: string): Promise<string> =>
  String((await service.rows(`select id from webhook_events where ${where} order by id desc limit 1`))[0]?.id)
const deliveryOf = async (where: string): Promise<string> =>
  String((await service.rows(`select delivery_id from webhook_events where ${where}`))[0]?.delivery_id)
const listed = () => page.locator('#results table tbody tr')

const PAGES: [name: string, path: () => string | Promise<string>][] = [
  ['overview', () => '/console'],
  ['events', () => '/console/events'],
  ['events-searched', () => '/console/events?q=contact2@example.com&period=24h'],
  ['events-none', () => '/console/events?q=nothing-like-it'],
  ['event-dead', async () => `/console/events/${await idOf(`status = 'dead'`)}`],
  ['event-hostile', async () => `/console/events/${await idOf(`event_id = 'the-click'`)}`],
  ['event-notified', async () => `/console/events/${await idOf(`event_type = 'spamreport'`)}`],
  ['event-waiting', async () => `/console/events/${await idOf(`waiting_since is not null`)}`],
  ['mail', async () => `/console/events/${await idOf(`provider = 'mailgun'`)}`],
  ['replay', () => '/console/replay?status=dead'],
  ['refused', () => '/console/refused'],
  [
    'refused-delivery',
    async () =>
      `/console/refused/${(await service.rows('select id from refused_deliveries limit 1'))[0]?.id}`,
  ],
  ['mailboxes', () => '/console/mailboxes'],
  ['mailbox', () => '/console/mailboxes/2'],
  ['outreach', () => '/console/outreach/1'],
  ['contact', () => '/console/contacts/2'],
  ['user', () => '/console/users/1'],
  ['audit', () => '/console/audit'],
  ['outage', () => '/console/outage'],
  ['errors', () => '/console/errors'],
  ['deliveries', () => '/console/deliveries'],
  ['deliveries-none', () => '/console/deliveries?queued=1'],
  ['delivery', async () => `/console/deliveries/${await deliveryOf(`event_type = 'spamreport'`)}`],
  ['delivery-mail', async () => `/console/deliveries/${await deliveryOf(`provider = 'mailgun'`)}`],
  ['pauses', () => '/console/pauses'],
  ['not-found', () => '/console/nowhere'],
]

const LOOKS = {
  light: {},
  dark: { colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
} as const

describe.each(Object.entries(LOOKS))('in the look %s', (look, options) => {
  beforeAll(async () => {
    ;({ page, complaints } = await openTab(browser, service, options))
  })
  afterAll(() => page.context().close())
  beforeEach(() => {
    complaints.length = 0
  })

  test.each(PAGES)(
    'the page %s is accessible, fits, runs no script of a stranger’s, and breaks no rule of its policy',
    async (name, path) => {
      await page.goto(await path())
      await picture(page, `${name}-${look}`)
      expect(await seriousFindings(page)).toEqual([])
      const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      expect(overflow).toBeLessThanOrEqual(0)
      expect(complaints).toEqual([])
    },
  )
})

describe('in a browser', () => {
  beforeAll(async () => {
    ;({ page, complaints } = await openTab(browser, service))
  })
  afterAll(() => page.context().close())

  test('the overview shows what happened, and goes on showing it by itself', async () => {
    await page.goto('/console')
    const tile = (name: string) => page.locator('.tile', { hasText: name }).locator('.figure')
    expect(await tile('Dead').textContent()).toBe('1')
    expect(await page.locator('.card', { hasText: 'Dead events by error' }).textContent()).toContain(
      'deadlock of doom',
    )
    expect(await page.locator('.card', { hasText: 'Refused deliveries' }).textContent()).toContain(
      'signature invalid',
    )
    expect(await page.locator('.provider-row', { hasText: 'SendGrid' }).textContent()).toMatch(
      /last event .+ ago/,
    )
    expect(await page.locator('.provider-row', { hasText: 'Stripe' }).textContent()).toContain('no event yet')
    expect(await page.locator('svg rect.processed').count()).toBeGreaterThan(0)
    const sendgrid = page.locator('.provider-row', { hasText: 'SendGrid' }).locator('.chart').first()
    expect(await sendgrid.locator('.x').textContent()).toMatch(/^(\d\d:\d\d){3} UTC$/)
    expect(await sendgrid.locator('.y').textContent()).toMatch(/^[1-9]\d*0$/)
    expect(await sendgrid.getByRole('img').getAttribute('aria-label')).toContain('paused (dropped: a bug')
    const stripe = page.locator('.provider-row', { hasText: 'Stripe' }).locator('.chart').first()
    expect(await stripe.textContent()).toContain('no events')
    expect(await stripe.getByRole('img').getAttribute('aria-label')).not.toContain('paused')
    const another = await killedEvent(service, 'killed-while-looking')
    await tile('Dead').getByText('2').waitFor() // without a reload
    await service.rows('delete from webhook_events where id = $1', another)
    expect(complaints).toEqual([])
  })

  test('events are filtered as one types and chooses, and the address says how', async () => {
    await page.goto('/console/events')
    const all = await listed().count()
    expect(all).toBeGreaterThan(9)
    await page.getByLabel('Status').selectOption('skipped')
    await page.waitForURL(/status=skipped/)
    await eventually(async () => (await listed().count()) === 1 || undefined, 'one is left')
    expect(await listed().first().textContent()).toContain('skipped')
    await page.getByLabel('Status').selectOption('')
    await page.getByLabel('Provider').selectOption('mailgun')
    await eventually(
      async () => (await listed().first().textContent())?.includes('inbound') || undefined,
      'the mail',
    )
    await page.getByLabel('Provider').selectOption('')
    await page.getByLabel('Type').fill('spamreport')
    await page.getByLabel('Type').press('Tab')
    await eventually(async () => (await listed().count()) === 1 || undefined, 'the spam report')
    await page.getByRole('link', { name: 'Clear' }).click()
    await page.getByLabel('Search').pressSequentially('the-click')
    await page.waitForURL(/q=the-click/)
    await eventually(async () => (await listed().count()) === 1 || undefined, 'the click')
    await page.reload()
    expect(await page.getByLabel('Search').inputValue()).toBe('the-click')
    expect(await listed().count()).toBe(1)
    expect(complaints).toEqual([])
  })

  test('events are filtered by exact times, in UTC, with From included and To not', async () => {
    const first = '2026-01-02T03:04:05'
    const second = '2026-01-02T03:04:06'
    await service.rows(
      `update webhook_events e set received_at = time::timestamptz
       from unnest((select array_agg(id) from (select id from webhook_events where event_type in ('processed', 'delivered') order by id limit 2) two), $1::text[]) as v(id, time)
       where e.id = v.id`,
      [`${first}Z`, `${second}Z`],
    )
    await page.goto('/console/events')
    await page.getByText('Exact times').click()
    await page.getByLabel('From (UTC)').fill(first)
    await page.getByLabel('To (UTC)').fill(second)
    await page.waitForURL(/since=.+until=/)
    await eventually(async () => (await listed().count()) === 1 || undefined, 'only the first')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL(/since=.+until=/)
    expect(await listed().count()).toBe(1)
    // Still open, and as they were chosen.
    expect(await page.getByLabel('To (UTC)').inputValue()).toBe(second)
    await page.getByLabel('To (UTC)').fill('2026-01-02T03:04:59')
    await eventually(async () => (await listed().count()) === 2 || undefined, 'both')
    await page.getByRole('link', { name: 'Replay them …' }).click()
    expect(await page.locator('.card', { hasText: 'Which' }).last().textContent()).toContain(`${first} UTC`)
    expect(complaints).toEqual([])
  })

  test.each([
    ['an outreach id', '3', 'spamreport', undefined],
    ['a subject', 'outreach:2', 'bounce', undefined],
    ['a contact’s address', 'CONTACT2@example.com', 'bounce', 'contact Ben Okri'],
    ['a user’s address', 'user3@example.com', 'spamreport', 'user user3@example.com'],
    ['a mailbox’s address', 'box3@rf-send-01.com', 'spamreport', 'mailbox Box3@rf-send-01.com'],
    ['an event id', 'seen', 'delivered', undefined],
  ])('search finds by %s', async (_what, typed, type, chip) => {
    await page.goto('/console/events')
    await page.getByLabel('Search').fill(typed)
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL(/q=/)
    await page.locator('#results').getByRole('link', { name: type, exact: true }).first().waitFor()
    if (chip !== undefined) await page.getByRole('link', { name: chip }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an event leads to the outreach, the contact, the user and the mailbox it is about, and back', async () => {
    await page.goto(`/console/events/${await idOf(`event_type = 'bounce'`)}`)
    await page.getByRole('link', { name: 'Outreach 2', exact: true }).click()
    expect(await page.locator('h1').textContent()).toBe('Outreach 2')
    expect(await page.locator('main').textContent()).toContain('Engineer')
    await page.getByRole('link', { name: 'Ben Okri' }).click()
    await page.getByRole('heading', { name: 'Ben Okri' }).waitFor()
    await page.getByRole('link', { name: 'Outreach 2', exact: true }).click()
    await page.getByRole('link', { name: 'user2@example.com' }).click()
    await page.getByRole('heading', { name: 'user2@example.com' }).waitFor()
    await page.goBack()
    await page.getByRole('link', { name: /box2@/i }).click()
    expect(await page.locator('main').textContent()).toMatch(/Bounces in 7 days\s*1/)
    await page.goto(`/console/events/${await idOf(`provider = 'mailgun'`)}`)
    await page.getByRole('link', { name: 'Outreach 1', exact: true }).waitFor()
  })

  test('an event shows its payload, its timeline and the notifications it caused', async () => {
    await page.goto(`/console/events/${await idOf(`event_type = 'spamreport'`)}`)
    const text = await page.locator('main').textContent()
    expect(text).toContain('Received and made durable')
    expect(text).toContain('Processed: its effects are committed')
    expect(text).toContain('slack')
    expect(await page.getByRole('region', { name: 'Payload' }).textContent()).toContain(
      '"event": "spamreport"',
    )
  })

  test('what strangers write is shown as text: in a subject, in a From name, in keys, in a type', async () => {
    complaints.length = 0
    await page.goto(`/console/events/${await idOf(`event_id = 'the-click'`)}`)
    const shown = JSON.stringify(SCRIPT)
    expect(await page.getByRole('region', { name: 'Payload' }).textContent()).toContain(`${shown}: ${shown}`)
    await page.goto(`/console/events/${await idOf(`provider = 'mailgun'`)}`)
    expect(await page.getByRole('region', { name: 'Payload' }).textContent()).toContain(shown)
    await page.goto('/console/events')
    await page.getByText(SCRIPT.slice(0, 40)).first().click()
    expect(await page.locator('h1').textContent()).toBe(SCRIPT)
    await page.goto(`/console/events?${new URLSearchParams({ q: SCRIPT, type: SCRIPT })}`)
    expect(await page.locator('#results').textContent()).toContain(SCRIPT)
    expect(await page.locator('main img, main script').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('one dead event is replayed with a reason, and is applied', async () => {
    const id = await idOf(`event_id = 'killed-1'`)
    await page.goto(`/console/events/${id}`)
    const button = page.getByRole('button', { name: 'Replay this event' })
    await button.click() // the browser asks for the reason first
    expect(page.url()).not.toContain('replayed')
    await page.getByLabel('Reason').fill('the lock is gone <b>now</b>')
    await button.click()
    await page.waitForURL(/replayed=1/)
    await service.settled()
    await page.reload()
    await page.locator('.heading').getByText('processed').waitFor()
    expect(await page.locator('.timeline').textContent()).toContain(
      'Replayed by kim (console): “the lock is gone <b>now</b>”',
    )
    expect(await service.rows('select link_clicks from outreach where id = 2')).toEqual([{ link_clicks: 1 }])
    await page.getByLabel('Reason').fill('once more')
    await button.click()
    await page.waitForURL(/replayed=1/)
    await service.settled()
    expect(await service.rows('select link_clicks from outreach where id = 2')).toEqual([{ link_clicks: 1 }])
    await picture(page, 'event-replayed')
  })

  test('all that match are replayed after the count is confirmed, and nothing that came later', async () => {
    for (let n = 0; n < 60; n++) await killedEvent(service, `many-${n}`)
    await page.goto('/console/events?status=dead&type=click')
    await page.getByRole('link', { name: 'Replay them …' }).click()
    expect(await page.locator('h1').textContent()).toBe('Replay 60 events?')
    await service.rows(`insert into webhook_events (provider, event_id, event_type, status, received_at)
                        values ('sendgrid', 'later', 'click', 'dead', now() + interval '1 minute')`)
    await page.getByLabel('Reason').fill('all of them')
    await page.getByRole('button', { name: 'Replay 60 events' }).click()
    await page.getByRole('heading', { name: '60 events replayed' }).waitFor()
    await picture(page, 'replayed')
    service.advance(2_000)
    await eventually(async () => {
      await service.settled()
      const [row] = await service.rows('select link_clicks from outreach where id = 2')
      return row?.link_clicks === 61 || undefined
    }, 'all are applied once')
    expect(await service.rows(`select status from webhook_events where event_id = 'later'`)).toEqual([
      { status: 'dead' },
    ])
    const reasons = await service.rows(
      `select distinct reason, operator, via from operator_actions where reason = 'all of them'`,
    )
    expect(reasons).toEqual([{ reason: 'all of them', operator: 'kim', via: 'console' }])
    await service.rows(`delete from webhook_events where event_id = 'later'`)
  })

  test('deliveries lead to one, with its steps, its headers, its bytes and its events, and to those of a provider', async () => {
    await page.goto('/console/deliveries')
    expect(await page.locator('table tbody tr').count()).toBeGreaterThan(2)
    await page.getByRole('link', { name: 'Mailgun', exact: true }).click()
    await eventually(
      async () => (await page.locator('table tbody tr').count()) === 1 || undefined,
      'one mail',
    )
    await page.locator('table tbody tr a').click()
    await page.getByRole('heading', { name: /^Delivery \d+$/ }).waitFor()
    const text = await page.locator('main').textContent()
    expect(text).toContain('Accepted: made durable, then answered')
    expect(text).toMatch(/Taken from the queue after [\d.]+ m?s, and processed/)
    expect(text).toContain('mailgun/treq')
    expect(await page.getByRole('region', { name: 'Payload' }).textContent()).toContain(
      'Tuesday works for me.',
    )
    await page.getByRole('link', { name: 'inbound' }).click()
    await page.getByRole('heading', { name: 'inbound' }).waitFor()
    expect(complaints).toEqual([])
  })

  test('pages go back in time, and to the newest again', async () => {
    await page.goto('/console/events?type=click&q=outreach:2')
    expect(await listed().count()).toBe(50)
    await page.getByRole('link', { name: 'Older' }).click()
    await page.getByRole('link', { name: 'Newest' }).waitFor()
    expect(await listed().count()).toBe(11)
    expect(await page.getByRole('link', { name: 'Older' }).count()).toBe(0)
    await page.getByRole('link', { name: 'Newest' }).click()
    await page.getByRole('link', { name: 'Older' }).waitFor()
    expect(await listed().count()).toBe(50)
  })

  test('mailboxes come worst first', async () => {
    await page.goto('/console/mailboxes')
    const rows = await page.locator('table tbody tr').allInnerTexts()
    expect(rows.map((row) => /Box\d/.exec(row)?.[0])).toEqual(['Box3', 'Box2', 'Box1'])
    expect(rows[0]).toMatch(/75[\s\S]*at risk/)
  })

  test('by keyboard: the first stop skips to the content, and where the focus is can be seen', async () => {
    await page.goto('/console')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    expect(outline).toBe('solid')
    expect(await page.evaluate(`document.activeElement.closest('main') !== null`)).toBe(true)
  })
})

test('everything works without JavaScript', async () => {
  const { page: plain } = await openTab(browser, service, { javaScriptEnabled: false })
  const id = await killedEvent(service, 'killed-without-script')
  await plain.goto('/console')
  await plain.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Events' }).click()
  await plain.getByLabel('Status').selectOption('dead')
  await plain.getByLabel('Received').selectOption('24h')
  await plain.getByRole('button', { name: 'Filter' }).click()
  expect(await plain.locator('#results table tbody tr').count()).toBe(1)
  await plain.getByRole('link', { name: 'Replay it …' }).click()
  await plain.getByLabel('Reason').fill('without a script')
  await plain.getByRole('button', { name: 'Replay 1 event' }).click()
  await plain.getByRole('heading', { name: '1 event replayed' }).waitFor()
  await eventually(
    async () =>
      (await service.rows('select status from webhook_events where id = $1', id))[0]?.status ===
        'processed' || undefined,
    'it is applied',
  )
  await plain.context().close()
})
