import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { pauseProcessing, resumeProcessing } from '../../src/operations/pauses.ts'
import { deliver, deliverAndSettle, event, seedOutreach } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'
import { storeEvents } from '../stored.ts'
import { launchBrowser, openTab } from './browser.ts'
import { killedEvent, startWithConsole } from './console.ts'

// Browsers are slow on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

// What makes a page pleasant to work with: it shows what is new and leaves the reader where they are, and what it shows can
// be taken elsewhere.

const GROUPS = 100
let service: Service
let browser: Browser
let page: Page
let complaints: string[]

beforeAll(async () => {
  browser = await launchBrowser()
  service = await startWithConsole()
  await seedOutreach(service, 1)
  await seedOutreach(service, 2)
  for (let n = 0; n < 60; n++) await killedEvent(service, `killed-${n}`)
  await storeEvents(
    service.db,
    Array.from({ length: GROUPS }, (_, n) => ({
      eventId: `group-${n}`,
      payload: { event: 'click' },
      status: 'dead' as const,
      attempts: 8,
      lastError: `the ${wordOf(n)} of a service that RoleFerry depends on did not answer within the time it is given`,
    })),
  )
}, 600_000)
afterAll(async () => {
  await browser?.close()
  await service?.stop()
})

/** A word of letters, since numbers do not tell errors apart. */
function wordOf(n: number): string {
  return [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
}

const inTab = (options: Parameters<typeof openTab>[2]) => {
  beforeAll(async () => {
    ;({ page, complaints } = await openTab(browser, service, options))
  })
  afterAll(() => page.context().close())
}

/** Waits until the page has shown itself again. */
const refreshed = () =>
  page.evaluate(
    `new Promise((resolve) => document.addEventListener('htmx:after:swap', () => resolve(), { once: true }))`,
  )

describe('a page that shows itself again', () => {
  inTab({})

  test('keeps the place, the focus and what is open, though rows come in above', async () => {
    await page.goto('/console/events?status=dead')
    const row = page.locator('#results tbody tr').nth(30)
    const link = row.locator('a').first()
    await link.focus()
    await row.scrollIntoViewIfNeeded()
    const id = await row.getAttribute('id')
    const href = await link.getAttribute('href')
    const topOf = () => page.evaluate<number>(`document.getElementById('${id}').getBoundingClientRect().top`)
    const top = await topOf()
    await killedEvent(service, 'killed-meanwhile')
    await service.rows(`update webhook_events set received_at = now() where event_id = 'killed-meanwhile'`)
    await refreshed()
    expect(await page.locator('#results tbody tr').nth(31).getAttribute('id')).toBe(id)
    expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe(href)
    expect(Math.abs((await topOf()) - top)).toBeLessThan(2)
    expect(complaints).toEqual([])
  })

  test('waits while a text is selected, and goes on afterwards', async () => {
    await page.goto('/console')
    const select = `getSelection().selectAllChildren(document.querySelector('.tile .figure'))`
    await page.evaluate(select)
    const selected = await page.evaluate<string>('getSelection().toString()')
    const dead = page.locator('.tile', { hasText: 'Dead' }).locator('.figure')
    const before = await dead.textContent()
    await killedEvent(service, 'killed-while-selecting')
    await page.evaluate(
      `new Promise((resolve) => document.addEventListener('htmx:finally:request', () => resolve(), { once: true }))`,
    )
    expect(await page.evaluate('getSelection().toString()')).toBe(selected)
    expect(await dead.textContent()).toBe(before)
    await page.evaluate('getSelection().removeAllRanges()')
    await eventually(async () => (await dead.textContent()) !== before || undefined, 'it goes on', 30)
  })

  test('keeps what is typed and what is open while an event gets its turn, and then shows how it ended', async () => {
    const by = { operator: 'test', via: 'command line', reason: 'test' } as const
    await pauseProcessing(service.db, { provider: 'sendgrid', type: 'click' }, by, service.now())
    const paused = event('click')
    await deliverAndSettle(service, paused)
    const [stored] = await service.rows(
      'select id from webhook_events where event_id = $1',
      paused.sg_event_id,
    )
    await page.goto(`/console/events/${stored?.id}`)
    await page.getByText('curl for a local service').click()
    await page.getByLabel('Reason').fill('half a sentence')
    await page.locator('h1').click()
    await resumeProcessing(service.db, { provider: 'sendgrid', type: 'click' }, by, service.now())
    service.advance(1_000)
    await page.locator('.heading').getByText('processed').waitFor({ timeout: 40_000 })
    expect(await page.evaluate(`document.querySelector('details').open`)).toBe(true)
    expect(await page.getByLabel('Reason').inputValue()).toBe('half a sentence')
    // Nothing more is to come, so it asks no more.
    expect(await page.locator('[data-live]').count()).toBe(0)
  })
})

describe('what a page shows', () => {
  inTab({ permissions: ['clipboard-read', 'clipboard-write'], timezoneId: 'America/New_York' })

  test('is copied by a button: an id, a payload, a command; the focus stays there', async () => {
    await deliver(service, event('open', { sg_event_id: 'to-be-copied' }))
    await service.settled()
    const [stored] = await service.rows(`select id from webhook_events where event_id = 'to-be-copied'`)
    await page.goto(`/console/events/${stored?.id}`)
    const clipboard = () => page.evaluate<string>('navigator.clipboard.readText()')
    const copy = async (name: string) => {
      await page.getByRole('button', { name }).press('Enter')
      await page.getByRole('status').getByText('Copied').waitFor({ state: 'attached' })
      expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(name)
    }
    await copy('Copy the provider’s id')
    expect(await clipboard()).toBe('to-be-copied')
    await copy('Copy the payload')
    await eventually(async () => (await clipboard()).startsWith('{') || undefined, 'the payload')
    expect(JSON.parse(await clipboard())).toMatchObject({ event: 'open', sg_event_id: 'to-be-copied' })
    await page.getByText('curl for a local service').press('Enter')
    await copy('Copy the command')
    await eventually(async () => (await clipboard()).includes('curl -sS') || undefined, 'the command')
    expect(complaints).toEqual([])
  })

  test('has the reader’s own time beside UTC', async () => {
    const [stored] = await service.rows(
      `update webhook_events set received_at = '2026-11-02T03:04:05Z' where event_id = 'to-be-copied' returning id`,
    )
    await page.goto(`/console/events/${stored?.id}`)
    const received = page.locator('.timeline time[datetime="2026-11-02T03:04:05.000Z"]')
    expect(await received.textContent()).toMatch(
      /^2026-11-02 03:04:05 UTC.*Nov 1, 2026.*10:04:05\sPM your time$/,
    )
    expect(await page.locator('.heading time').getAttribute('title')).toMatch(/03:04:05 UTC · Nov 1, 2026/)
  })
})

describe('on a phone', () => {
  inTab({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true })
  const height = () => page.evaluate<number>('document.documentElement.scrollHeight')

  test('a hundred errors are read without scrolling through a hundred cards', async () => {
    await page.goto('/console')
    expect(await height()).toBeLessThan(4_500)
    await page.getByRole('link', { name: `All ${GROUPS} errors` }).click()
    await page.getByRole('heading', { name: 'Errors' }).waitFor()
    expect(await height()).toBeLessThan(3_500)
    expect(await page.locator('tbody tr').first().textContent()).toMatch(/deadlock of doom.*\d+ events/s)
    for (let n = 1; n < 5; n++) {
      await page.getByRole('link', { name: 'Next' }).click()
      await page.waitForURL(new RegExp(`page=${n + 1}`))
    }
    expect(await page.getByRole('link', { name: 'Next' }).count()).toBe(0)
  })
})
