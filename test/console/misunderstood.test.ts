import { afterAll, beforeAll, expect, test } from 'vitest'
import { deliver, event, seedOutreach } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { startWithConsole, visit } from './console.ts'

let service: Service
beforeAll(async () => {
  service = await startWithConsole()
  await seedOutreach(service, 1)
  await deliver(service, event('click'), event('<b>opened</b>', { sg_event_id: 'of-a-new-type' }))
  await service.settled()
})
afterAll(() => service.stop())

const TYPE = '&lt;b&gt;opened&lt;/b&gt;'

test('the list shows what was not understood, and why', async () => {
  const page = await (await visit(service, '/console/events?status=misunderstood')).text()
  expect(page).toContain('<option value="misunderstood" selected>not understood</option>')
  expect(page).toContain(TYPE)
  expect(page).toContain('was never seen before')
  expect(page).not.toContain('>click</a>')
})

test('the event says it, as text', async () => {
  const [row] = await service.rows(`select id from webhook_events where event_id = 'of-a-new-type'`)
  const page = await (await visit(service, `/console/events/${row?.id}`)).text()
  expect(page).toContain(`Not understood: the event type &quot;${TYPE}&quot; was never seen before`)
  expect(page).not.toContain('<b>opened')
})

test('a replay of them says in words what is meant', async () => {
  const page = await (await visit(service, '/console/replay?status=misunderstood')).text()
  expect(page).toContain('not understood')
  expect(page).toContain('Replay 1 event?')
})
