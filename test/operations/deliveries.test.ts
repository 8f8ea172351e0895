import { afterAll, beforeAll, expect, test } from 'vitest'
import { listDeliveries, showDelivery } from '../../src/operations/deliveries.ts'
import { listEvents } from '../../src/operations/events.ts'
import { pauseProcessing, resumeProcessing } from '../../src/operations/pauses.ts'
import { webhooks } from '../cli/run.ts'
import { deliver as deliverMail, mail, mailgunEnv } from '../providers/mailgun/deliveries.ts'
import {
  bodyOf,
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
} from '../providers/sendgrid/deliveries.ts'
import { type Service, startService } from '../service.ts'

let service: Service
beforeAll(async () => {
  service = await startService({ env: { ...sendgridEnv, ...mailgunEnv } })
  await seedOutreach(service, 1)
})
afterAll(() => service.stop())

const by = { operator: 'test', via: 'command line', reason: 'test' } as const

test('deliveries are listed and shown as they came, with the events that each brought', async () => {
  const [first, second, third] = [event('click'), event('open'), event('click')]
  await deliverAndSettle(service, first, second)
  await deliverMail(service, mail())
  await service.settled()
  await pauseProcessing(service.db, { provider: 'sendgrid' }, by, service.now())
  await deliver(service, second, third)

  const { deliveries, next } = await listDeliveries(service.db, {}, { limit: 10 })
  expect(next).toBeNull()
  expect(deliveries).toMatchObject([
    { provider: 'sendgrid', eventCount: 2, state: 'queued', doneEvents: 0 },
    { provider: 'mailgun', eventCount: 1, state: 'processed' },
    { provider: 'sendgrid', eventCount: 2, state: 'processed', doneEvents: 2 },
  ])
  expect((await listDeliveries(service.db, { provider: 'mailgun' }, { limit: 10 })).deliveries).toHaveLength(
    1,
  )
  expect((await listDeliveries(service.db, { queued: true }, { limit: 10 })).deliveries).toHaveLength(1)
  expect(
    (await listDeliveries(service.db, { until: deliveries[2]?.receivedAt }, { limit: 9 })).deliveries,
  ).toEqual([])
  const page = await listDeliveries(service.db, {}, { limit: 2 })
  const rest = await listDeliveries(service.db, {}, { limit: 2, after: page.next ?? '' })
  expect([...page.deliveries, ...rest.deliveries]).toEqual(deliveries)

  const shown = await showDelivery(service.db, deliveries[2]?.id ?? '')
  expect(shown).toMatchObject({
    body: bodyOf([first, second]),
    headers: { 'content-type': expect.stringContaining('application/json') },
    events: [
      { position: 0, eventId: first.sg_event_id, eventType: 'click', status: 'processed' },
      { position: 1, eventId: second.sg_event_id, eventType: 'open', status: 'ignored' },
    ],
    processedAt: expect.any(Date),
  })
  expect(Object.keys(shown?.headers ?? {})).not.toContain('host')
  const { events } = await listEvents(service.db, { eventId: String(first.sg_event_id) }, { limit: 1 })
  expect(events[0]?.deliveryId).toBe(shown?.id)

  await resumeProcessing(service.db, { provider: 'sendgrid' }, by, service.now())
  await service.settled()
  // A known event belongs to the delivery that brought it first.
  expect((await showDelivery(service.db, deliveries[0]?.id ?? ''))?.events).toMatchObject([
    { position: 1, eventId: third.sg_event_id },
  ])
  expect(await showDelivery(service.db, '999')).toBeUndefined()
  expect(await showDelivery(service.db, "1' or true")).toBeUndefined()
})

test('the command line shows them, and says when one does not exist', async () => {
  const env = { DATABASE_URL: service.databaseUrl }
  const listed = await webhooks(['deliveries', 'list', '--json', '--limit', '1'], env)
  const [delivery] = JSON.parse(listed.stdout).deliveries
  expect(await webhooks(['deliveries', 'show', delivery.id], env)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"event":"click"'),
  })
  expect(await webhooks(['deliveries', 'show', '999'], env)).toMatchObject({ code: 3 })
}, 120_000)
