import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stack } from '../../harness/stack.ts'
import { outageReport } from '../../src/operations/outage.ts'
import { stepsAfter } from '../../src/operations/outage-steps.ts'
import { webhooks } from '../cli/run.ts'
import { startWithConsole, visit } from '../console/console.ts'
import { asService } from '../database.ts'
import { startOwnStores } from '../own-stores.ts'
import { post } from '../provider-contract.ts'
import { bodyOf, deliver, event, seedOutreach, signed } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'

// Postgres is away for two minutes. Afterwards an operator has to prove what came, what came again and what is missing.

const SENDGRID = '/webhooks/sendgrid'
let stores: Stack
let service: Service
beforeAll(async () => {
  stores = await startOwnStores()
  service = await startWithConsole({ DATABASE_URL: stores.postgres.url, REDIS_URL: stores.redis.url })
  await seedOutreach(service, 1)
}, 300_000)
afterAll(async () => {
  await service.stop()
  await stores.stop()
})

const report = (from: Date, to: Date) => outageReport(service.db, { from, to, now: service.now() })

test('the report proves what came, what came again, and what is still missing', async () => {
  const from = service.now()
  await deliver(service, event('click'), event('open'))
  await service.settled()

  await stores.postgres.stop('immediate')
  const putOff = Array.from({ length: 4 }, () => signed(bodyOf([event('click'), event('open')])))
  for (const request of putOff) expect((await post(service, SENDGRID, request)).status).toBe(503)
  const [again] = putOff
  // It tries twice while Postgres is away: it is still one delivery.
  if (again !== undefined) expect((await post(service, SENDGRID, again)).status).toBe(503)
  await eventually(
    () => service.logs.find(({ msg }) => msg === 'processing pauses: the database is in trouble'),
    'the service has noticed',
    60,
  )
  service.advance(120_000)
  await stores.postgres.start()
  const to = service.now()
  await eventually(
    async () => (await fetch(`${service.url}/readyz`)).status === 200 || undefined,
    'Postgres is back',
    60,
  )
  await eventually(
    async () => (await service.rows('select from deferred_deliveries')).length === 5 || undefined,
    'what was put off is stored',
    60,
  )

  const before = (await report(from, to)).providers[0]
  expect(before).toMatchObject({
    signed: 4,
    cameAgain: { deliveries: 0 },
    missing: { deliveries: 4, events: 8 },
  })

  for (const request of putOff.slice(0, 3)) expect((await post(service, SENDGRID, request)).status).toBe(200)
  await service.settled()
  const almost = await report(from, to)
  expect(almost.providers[0]).toMatchObject({
    provider: 'sendgrid',
    accepted: { deliveries: 1, events: 2, more: false },
    signed: 4,
    cameAgain: { deliveries: 3 },
    missing: { deliveries: 1, events: 2 },
    pending: 0,
  })
  expect(almost.providers[0]?.cameAgain.lastAt?.getTime()).toBeGreaterThanOrEqual(to.getTime() - 1_000)
  // One by one: what is missing stands first, and what came again leads to where it is.
  expect(almost.putOff).toMatchObject([
    { provider: 'sendgrid', tries: 1, events: 2, cameAgainAt: null, deliveryId: null },
    { tries: 2, cameAgainAt: expect.any(Date), deliveryId: expect.stringMatching(/^\d+$/) },
    { tries: 1, cameAgainAt: expect.any(Date), deliveryId: expect.stringMatching(/^\d+$/) },
    { tries: 1, cameAgainAt: expect.any(Date), deliveryId: expect.stringMatching(/^\d+$/) },
  ])
  expect(stepsAfter(almost)[0]).toContain(
    '1 signed deliveries (2 events) have not come again. The provider keeps trying by itself until',
  )

  await post(service, SENDGRID, putOff[3] ?? { headers: {}, body: Buffer.alloc(0) })
  await service.settled()
  const proof = await report(from, to)
  expect(proof.providers[0]).toMatchObject({
    missing: { deliveries: 0 },
    cameAgain: { deliveries: 4 },
    pending: 0,
  })
  expect(await service.rows('select link_clicks from outreach where id = 1')).toEqual([{ link_clicks: 5 }])
}, 300_000)

test('the page and the command show it, with the outage as a mark', async () => {
  const local = (at: Date) => at.toISOString().slice(0, 19)
  const from = new Date(service.now().getTime() - 3_600_000)
  const to = new Date(service.now().getTime() + 3_600_000)
  await eventually(
    async () =>
      (await service.rows(`select from service_marks where kind = 'outage'`)).length > 0 || undefined,
    'the outage is noted',
    60,
  )
  const page = await (
    await visit(service, `/console/outage?${new URLSearchParams({ from: local(from), to: local(to) })}`)
  ).text()
  expect(page).toContain('Nothing: every signed delivery that got 503')
  expect(page).toContain('outage')
  expect(page).toMatch(/tried 2 times/)
  expect(page.match(/href="\/console\/deliveries\/\d+"/g)).toHaveLength(4)
  const overview = await (await visit(service, '/console')).text()
  expect(overview).toContain('the database was away')
  const ended = await webhooks(['outage', '--from', from.toISOString(), '--to', to.toISOString(), '--json'], {
    DATABASE_URL: asService(service.databaseUrl),
  })
  expect(ended).toMatchObject({ code: 0 })
  expect(JSON.parse(ended.stdout).providers[0]).toMatchObject({
    signed: 4,
    cameAgain: { deliveries: 4 },
    // The one before, and the four that came again.
    accepted: { deliveries: 5, events: 10 },
  })
  expect(JSON.parse(ended.stdout).putOff).toHaveLength(4)
  const wrong = await webhooks(['outage', '--from', '1h', '--to', '2h'], {})
  expect(wrong.code).toBe(2)
}, 600_000)
