import { afterAll, beforeAll, expect, test } from 'vitest'
import { listChanges } from '../../src/operations/audit.ts'
import { webhooks } from '../cli/run.ts'
import { asService } from '../database.ts'
import { deliverAndSettle, event, seedOutreach } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { startWithConsole, submit, visit } from './console.ts'

let service: Service
beforeAll(async () => {
  service = await startWithConsole()
  await seedOutreach(service, 1)
})
afterAll(() => service.stop())

const page = async (path: string) => (await visit(service, path)).text()
const clicks = () => service.rows('select link_clicks from outreach where id = 1')

test('a type is paused in the console with a reason, every page says so, and resuming applies what came', async () => {
  expect(await page('/console/pauses')).toContain('Nothing is paused')
  expect(
    (await submit(service, '/console/pauses', { provider: 'sendgrid', type: 'click', reason: '' })).status,
  ).toBe(400)
  expect((await submit(service, '/console/pauses', { provider: 'nobody', reason: 'x' })).status).toBe(400)
  const paused = await submit(service, '/console/pauses', {
    provider: 'sendgrid',
    type: 'click',
    reason: 'a bug',
  })
  expect(paused.status).toBe(303)
  await deliverAndSettle(service, event('click'))
  expect(await clicks()).toEqual([{ link_clicks: 0 }])
  for (const path of ['/console', '/console/events', '/console/mailboxes', '/console/audit']) {
    expect(await page(path), path).toContain(
      'Processing is paused: <a href="/console/pauses">sendgrid click</a>',
    )
  }
  expect(await page('/console/pauses')).toContain('“a bug”')
  await submit(service, '/console/pauses/resume', { provider: 'sendgrid', type: 'click', reason: 'fixed' })
  service.advance(1_000)
  await service.settled()
  expect(await clicks()).toEqual([{ link_clicks: 1 }])
  expect(await page('/console')).not.toContain('Processing is paused')
  expect((await listChanges(service.db, { limit: 2 })).changes).toMatchObject([
    { action: 'resume', reason: 'fixed', operator: 'kim', via: 'console' },
    { action: 'pause', reason: 'a bug', operator: 'kim', via: 'console' },
  ])
})

test('the command line pauses and resumes, and its status says what is paused', async () => {
  const run = (...args: string[]) => webhooks(args, { DATABASE_URL: asService(service.databaseUrl) })
  expect(await run('pause', 'stripe', '--reason', 'a migration')).toMatchObject({ code: 0 })
  expect(await run('pause', 'stripe', '--reason', 'again')).toMatchObject({ code: 1 })
  const status = JSON.parse((await run('status', '--json')).stdout)
  expect(status.pauses).toMatchObject([{ provider: 'stripe', type: null, reason: 'a migration' }])
  expect(await run('resume', 'stripe', '--reason', 'done')).toMatchObject({ code: 0 })
  expect(await run('resume', 'stripe', '--reason', 'done')).toMatchObject({ code: 3 })
  expect(await run('pause', 'stripe')).toMatchObject({ code: 2 })
}, 300_000)
