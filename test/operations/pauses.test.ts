import { afterEach, beforeEach, expect, test } from 'vitest'
import { lastAccepted } from '../../src/operations/accepted.ts'
import { backlog } from '../../src/operations/overview.ts'
import { listPauses, pauseProcessing, resumeProcessing } from '../../src/operations/pauses.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'

let service: Service
beforeEach(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
})
afterEach(() => service.stop())

const by = { operator: 'ana', via: 'command line', reason: 'a rule is wrong' } as const
const sendgrid = { provider: 'sendgrid' } as const
const clicks = { provider: 'sendgrid', type: 'click' } as const
const pause = (what: typeof sendgrid | typeof clicks) => pauseProcessing(service.db, what, by, service.now())
const resume = async (what: typeof sendgrid | typeof clicks) => {
  const resumed = await resumeProcessing(service.db, what, by, service.now())
  service.advance(1)
  await service.settled()
  return resumed
}
const statuses = () =>
  service.rows('select event_type, status, next_attempt_at from webhook_events order by event_type')
const HOUR = 3_600_000

test('a paused provider accepts deliveries and processes none until it is resumed', async () => {
  expect(await pause(sendgrid)).toBe(true)
  expect(await pause(sendgrid)).toBe(false)
  const answer = await deliverAndSettle(service, event('click'), event('open'))
  expect(answer.body).toEqual({ status: 'ok', accepted: 2, duplicates: 0 })
  expect(await statuses()).toEqual([])
  expect(await listPauses(service.db)).toMatchObject([
    { provider: 'sendgrid', type: null, operator: 'ana', reason: 'a rule is wrong' },
  ])
  service.advance(HOUR)
  expect(await backlog(service.db, service.now())).toMatchObject([
    { provider: 'sendgrid', due: 2, oldestDueAt: null },
  ])
  expect([...(await lastAccepted(service.db, service.now())).keys()]).toEqual(['sendgrid']) // it is not silent
  expect(await resume(sendgrid)).toEqual({ resumed: true, due: 0 })
  expect(await statuses()).toMatchObject([{ status: 'processed' }, { status: 'ignored' }])
  expect(await listPauses(service.db)).toEqual([])
  expect(
    await service.rows('select action, subject, operator, reason from operator_actions order by id'),
  ).toEqual(
    ['pause', 'resume'].map((action) => ({
      action,
      subject: 'provider:sendgrid',
      operator: 'ana',
      reason: 'a rule is wrong',
    })),
  )
})

test('a paused type waits without a time, and the rest of its delivery goes on', async () => {
  await pause(clicks)
  await deliverAndSettle(service, event('delivered'), event('click'))
  expect(await statuses()).toMatchObject([
    { event_type: 'click', status: 'pending', next_attempt_at: null },
    { event_type: 'delivered', status: 'processed' },
  ])
  service.advance(HOUR)
  expect(await backlog(service.db, service.now())).toMatchObject([{ due: 0, oldestDueAt: null, later: 1 }])
  expect(await resume(clicks)).toEqual({ resumed: true, due: 1 })
  expect(await statuses()).toMatchObject([{ status: 'processed' }, { status: 'processed' }])
  expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 1 }])
})

test('a type stays paused while its provider is resumed', async () => {
  await pause(clicks)
  await pause(sendgrid)
  await deliverAndSettle(service, event('click'))
  await resume(sendgrid)
  expect(await statuses()).toMatchObject([{ status: 'pending', next_attempt_at: null }])
  await resume(clicks)
  expect(await statuses()).toMatchObject([{ status: 'processed' }])
})

test('an event that failed before is held by a pause like any other', async () => {
  await service.rows(`
    create function poison() returns trigger language plpgsql as $$ begin raise exception 'poisoned'; end $$;
    create trigger poison before update on outreach for each row execute function poison()`)
  await deliverAndSettle(service, event('click'))
  await service.rows('drop function poison cascade')
  await pause(clicks)
  service.advance(HOUR)
  await service.settled()
  expect(await service.rows('select status, attempts, next_attempt_at from webhook_events')).toEqual([
    { status: 'pending', attempts: 1, next_attempt_at: null },
  ])
  await resume(clicks)
  expect(await service.rows('select status, attempts from webhook_events')).toEqual([
    { status: 'processed', attempts: 2 },
  ])
})

test('the time of a pause does not count as waiting', async () => {
  await deliverAndSettle(service, event('click', { outreach_id: 2 }))
  service.advance(60_000)
  await service.settled()
  await pause(clicks)
  service.advance(5 * HOUR)
  await service.settled()
  await resume(clicks)
  expect(await statuses()).toMatchObject([{ status: 'pending' }]) // 15 minutes are not over
  await seedOutreach(service, 2)
  service.advance(150_000)
  await service.settled()
  expect(await statuses()).toMatchObject([{ status: 'processed' }])
})

test('nothing stays behind when a type is paused and resumed while its events come', async () => {
  let toggling = true
  const toggle = async () => {
    while (toggling) {
      await pause(clicks)
      await resumeProcessing(service.db, clicks, by, service.now())
    }
  }
  const toggled = toggle()
  for (let n = 0; n < 60; n++) await deliver(service, ...Array.from({ length: 20 }, () => event('click')))
  toggling = false
  await toggled
  service.advance(1)
  await service.settled()
  expect(await service.rows('select status, count(*)::int as n from webhook_events group by 1')).toEqual([
    { status: 'processed', n: 1_200 },
  ])
  expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 1_200 }])
})
