import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { showEvent } from '../../src/operations/events.ts'
import { mailboxesByHealth } from '../../src/operations/mailboxes.ts'
import { backlog, countsOver, errorGroups, lastEvents, refusals } from '../../src/operations/overview.ts'
import { resolveSearch } from '../../src/operations/search.ts'
import { post } from '../provider-contract.ts'
import {
  bodyOf,
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  signed,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
  for (const id of [1, 2, 3]) await seedOutreach(service, id)
  await service.rows(`update users set stripe_customer_id = 'cus_one' where id = 1`)
})
afterAll(() => service.stop())

describe('what a person types into the search box', () => {
  test.each([
    ['123', { subjects: ['outreach:123'] }],
    [' 00123 ', { subjects: ['outreach:123'] }],
    ['outreach:9', { subjects: ['outreach:9'] }],
    ['cus_Abc', { subjects: ['customer:cus_Abc'] }],
    ['customer:cus_Abc', { subjects: ['customer:cus_Abc'] }],
    ['evt_1Abc', { eventId: 'evt_1Abc' }],
  ])('%s', async (typed, filter) => {
    expect((await resolveSearch(service.db, typed)).filter).toEqual(filter)
  })

  test('a contact’s address leads to the outreach to them', async () => {
    const { filter, found } = await resolveSearch(service.db, 'Contact2@Example.com')
    expect(filter.subjects).toEqual(expect.arrayContaining(['outreach:2', 'mailbox:contact2@example.com']))
    expect(filter.subjects).toHaveLength(2)
    expect(found).toEqual([{ kind: 'contact', id: '2', label: 'Ana' }])
  })

  test('a user’s address leads to the customer and to the outreach of their applications', async () => {
    const { filter, found } = await resolveSearch(service.db, 'user1@example.com')
    expect(filter.subjects).toEqual(expect.arrayContaining(['customer:cus_one', 'outreach:1']))
    expect(found).toEqual([{ kind: 'user', id: '1', label: 'user1@example.com' }])
  })

  test('a mailbox’s address leads to its mail and to the outreach sent from it', async () => {
    const { filter, found } = await resolveSearch(service.db, 'box1@RF-send-01.com')
    expect(filter.subjects).toEqual(expect.arrayContaining(['mailbox:box1@rf-send-01.com', 'outreach:1']))
    expect(filter.subjects).toHaveLength(2)
    expect(found).toEqual([{ kind: 'mailbox', id: '1', label: 'Box1@rf-send-01.com' }])
  })

  test('an event id with an "@" in it is found all the same', async () => {
    await deliverAndSettle(service, event('click', { sg_event_id: 'id@elsewhere' }))
    expect((await resolveSearch(service.db, 'id@elsewhere')).filter).toEqual({ eventId: 'id@elsewhere' })
  })
})

test('an event is shown with its payload and the notifications it asked for', async () => {
  await deliverAndSettle(service, event('spamreport', { outreach_id: 3 }))
  const [row] = await service.rows(`select id from webhook_events where event_type = 'spamreport'`)
  const shown = await eventually(async () => {
    const detail = await showEvent(service.db, String(row?.id))
    return detail?.notifications[0]?.state === 'not_configured' ? detail : undefined
  }, 'the notification has ended')
  expect(shown).toMatchObject({
    provider: 'sendgrid',
    subject: 'outreach:3',
    status: 'processed',
    actions: [],
  })
  expect(shown.payload).toMatchObject({ event: 'spamreport', outreach_id: 3 })
  expect(shown.notifications).toMatchObject([{ channel: 'slack', retries: 0, error: null }])
  await service.rows(`delete from pgboss.job where name = 'notify-slack'`)
  expect((await showEvent(service.db, String(row?.id)))?.notifications).toMatchObject([
    { state: 'forgotten' },
  ])
  await service.rows('delete from webhook_deliveries')
  expect((await showEvent(service.db, String(row?.id)))?.payload).toBeUndefined()
})

test.each(['0', '999999', 'x', '1; drop table users', '99999999999999999999'])(
  'there is no event %s',
  async (id) => {
    expect(await showEvent(service.db, id)).toBeUndefined()
  },
)

test('counts what came, how it ended and what was refused, per minute', async () => {
  const since = new Date(service.now().getTime() - 60_000)
  const seen = event('click')
  await deliverAndSettle(service, seen, event('open'), event('click', { outreach_id: null }), 5)
  await deliver(service, seen)
  await post(service, '/webhooks/sendgrid', signed('{}'))
  await post(service, '/webhooks/sendgrid', signed(bodyOf([]), { key: 'wrong' }))
  const counts = await eventually(async () => {
    const stored = await countsOver(service.db, { since, stretch: 15 })
    return stored.some(({ outcome }) => outcome === 'refused') ? stored : undefined
  }, 'the counts are flushed')
  const total = (outcome: string) =>
    counts.filter((one) => one.outcome === outcome).reduce((sum, one) => sum + one.count, 0)
  expect(total('ignored')).toBe(1)
  expect(total('skipped')).toBe(2)
  expect(total('duplicate')).toBe(1)
  expect(total('processed')).toBeGreaterThanOrEqual(1)
  expect(await refusals(service.db, since)).toEqual([
    { provider: 'sendgrid', reason: 'malformed', count: 1 },
    { provider: 'sendgrid', reason: 'signature_invalid', count: 1 },
  ])
})

test('the overview shows the backlog, the dead by error and the last event of each provider', async () => {
  await service.app.close() // nobody takes what waits
  const now = service.now()
  await service.rows(`
    insert into webhook_events (provider, event_id, event_type, status, last_error, attempts, next_attempt_at) values
      ('stripe', 'd1', 'invoice.paid', 'dead', 'no such price', 8, null),
      ('stripe', 'd2', 'invoice.paid', 'dead', 'no such price', 8, null),
      ('mailgun', 'd3', 'inbound', 'dead', 'another', 8, null),
      ('stripe', 'p1', 'invoice.paid', 'pending', null, 0, now() - interval '10 minutes'),
      ('stripe', 'p2', 'invoice.paid', 'pending', 'failed', 3, now() - interval '5 minutes'),
      ('stripe', 'p3', 'invoice.paid', 'pending', null, 0, now() + interval '5 minutes')`)
  const [stripe] = (await backlog(service.db, now)).filter(({ provider }) => provider === 'stripe')
  expect(stripe).toMatchObject({ due: 2, later: 1 })
  expect(Math.round((now.getTime() - (stripe?.oldestDueAt?.getTime() ?? 0)) / 60_000)).toBe(10)
  expect((await errorGroups(service.db)).groups).toMatchObject([
    { providers: ['stripe'], types: ['invoice.paid'], error: 'no such price', count: 2 },
    { providers: ['mailgun'], types: ['inbound'], error: 'another', count: 1 },
  ])
  const last = await lastEvents(service.db, ['sendgrid', 'stripe', 'mailgun'])
  expect(last.map(({ provider }) => provider)).toEqual(['sendgrid', 'stripe', 'mailgun'])
})

test('mailboxes come worst first', async () => {
  await service.rows(`update mailboxes set spam_reports_7d = 2 where id = 2`)
  await service.rows(`update mailboxes set bounce_count_7d = 2, spam_reports_7d = 0 where id = 3`)
  const worst = await mailboxesByHealth(service.db, { limit: 2, offset: 0 })
  expect(worst).toMatchObject([
    { id: '2', healthScore: 50, spamReports: 2 },
    { id: '3', healthScore: 90, bounces: 2 },
  ])
})
