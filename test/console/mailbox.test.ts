import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedOutreach } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { startWithConsole, submit, visit } from './console.ts'

let service: Service
beforeAll(async () => {
  service = await startWithConsole()
  for (const id of [1, 2]) await seedOutreach(service, id)
  await service.rows(
    `update mailboxes set paused_at = now(), paused_reason = '6 of 100 <b>bounced</b>' where id = 2`,
  )
})
afterAll(() => service.stop())

const mailbox = async (id: number) => (await service.rows('select * from mailboxes where id = $1', id))[0]

test('a paused mailbox stands first, and its page says why', async () => {
  const list = await (await visit(service, '/console/mailboxes')).text()
  expect(list.indexOf('Box2@')).toBeLessThan(list.indexOf('Box1@'))
  expect(list).toContain('badge paused')
  const page = await (await visit(service, '/console/mailboxes/2')).text()
  expect(page).toContain('6 of 100 &lt;b&gt;bounced&lt;/b&gt;')
  expect(page).toContain('Resume this mailbox')
  expect(await (await visit(service, '/console/mailboxes/1')).text()).not.toContain('Resume this mailbox')
})

test('it is resumed with a reason, by a page of the console alone', async () => {
  const resume = (form: Record<string, string>, headers?: Record<string, string>) =>
    submit(service, '/console/mailboxes/2/resume', form, headers)
  expect((await resume({ reason: '' })).status).toBe(400)
  expect((await resume({ reason: 'x' }, { origin: 'https://elsewhere.example' })).status).toBe(403)
  expect(await mailbox(2)).toMatchObject({ paused_at: expect.any(Date) })

  const answer = await resume({ reason: 'the list is cleaned' })
  expect(answer.status).toBe(303)
  expect(answer.headers.get('location')).toBe('/console/mailboxes/2?resumed=1')
  expect(await mailbox(2)).toMatchObject({
    paused_at: null,
    paused_reason: null,
    resumed_at: expect.any(Date),
  })
  expect(await service.rows('select * from operator_actions')).toMatchObject([
    {
      action: 'resume mailbox',
      subject: 'mailbox:box2@rf-send-01.com',
      operator: 'kim',
      via: 'console',
      reason: 'the list is cleaned',
    },
  ])
  expect(await (await visit(service, '/console/mailboxes/2?resumed=1')).text()).toContain('may use it again')
  expect((await resume({ reason: 'again' })).headers.get('location')).toBe('/console/mailboxes/2?resumed=0')
  expect((await submit(service, '/console/mailboxes/99/resume', { reason: 'x' })).status).toBe(404)
})
