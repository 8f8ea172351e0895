import { afterAll, beforeAll, expect, test } from 'vitest'
import { attemptsOf, changesOf } from '../../src/operations/changes.ts'
import { forget } from '../../src/operations/forget.ts'
import { retention } from '../../src/upkeep/retention.ts'
import { webhooks } from '../cli/run.ts'
import { PASSWORD, visit } from '../console/console.ts'
import { deliverAndSettle as deliverMail, mail, mailgunEnv } from '../providers/mailgun/deliveries.ts'
import { deliverAndSettle, event, seedOutreach, sendgridEnv } from '../providers/sendgrid/deliveries.ts'
import { deliverInTurn, stripeEnv } from '../providers/stripe/deliveries.ts'
import { eventsOf } from '../providers/stripe/events.ts'
import { type Service, startService } from '../service.ts'
import { runTask } from '../upkeep/run.ts'

let service: Service
beforeAll(async () => {
  service = await startService({
    env: { ...sendgridEnv, ...stripeEnv, ...mailgunEnv, CONSOLE_PASSWORD: PASSWORD, KEEP_CHANGES: 'on' },
  })
  for (const id of [1, 2, 3]) await seedOutreach(service, id)
  await service.rows(`update users set stripe_customer_id = 'cus_1' where id = 1`)
})
afterAll(() => service.stop())

const idOf = async (eventId: unknown): Promise<string> =>
  String((await service.rows('select id from webhook_events where event_id = $1', eventId))[0]?.id)
const changed = async (eventId: unknown) => changesOf(service.db, await idOf(eventId))

test('a bounce shows what it changed: the outreach, the contact and the mailbox, before and after', async () => {
  const bounce = event('bounce', { outreach_id: 2 })
  await deliverAndSettle(service, bounce)
  const changes = await changed(bounce.sg_event_id)
  expect(
    Object.fromEntries(changes.map(({ table, before, after }) => [table, { before, after }])),
  ).toMatchObject({
    outreach: { before: { status: 'sent' }, after: { status: 'bounced' } },
    contacts: { before: { bounce_count: 0 }, after: { bounce_count: 1 } },
    mailboxes: {
      before: { bounce_count_7d: 0, health_score: 100 },
      after: { bounce_count_7d: 1, health_score: 95 },
    },
  })
  // What did not change is left out.
  expect(changes.find(({ table }) => table === 'outreach')?.after).not.toHaveProperty('link_clicks')
})

test('an unsubscribe shows the steps that it cancelled; an event that changes nothing shows nothing', async () => {
  const leaves = event('unsubscribe', { outreach_id: 3 })
  await deliverAndSettle(service, leaves)
  const steps = (await changed(leaves.sg_event_id)).filter(({ table }) => table === 'sequence_steps')
  expect(steps).toHaveLength(2)
  expect(steps[0]).toMatchObject({ before: { status: 'scheduled' }, after: { status: 'cancelled' } })
  const again = event('unsubscribe', { outreach_id: 3 })
  await deliverAndSettle(service, again)
  expect((await changed(again.sg_event_id)).filter(({ table }) => table !== 'outreach')).toEqual([])
})

test('events of one batch about one row say that they were applied together', async () => {
  const clicks = [event('click'), event('click'), event('click')]
  await deliverAndSettle(service, ...clicks)
  for (const click of clicks) {
    const outreach = (await changed(click.sg_event_id)).find(({ table }) => table === 'outreach')
    expect(outreach).toMatchObject({ before: { link_clicks: 0 }, after: { link_clicks: 3 }, events: 3 })
  }
})

test('a payment shows the user and the subscription, which was not there', async () => {
  const created = eventsOf(1).subscription('created')
  await deliverInTurn(service, created)
  const changes = await changed(created.id)
  expect(changes.find(({ table }) => table === 'users')).toMatchObject({
    before: { subscription_tier: 'free', credits_remaining: 0 },
    after: { subscription_tier: 'pro', credits_remaining: 500 },
  })
  expect(changes.find(({ table }) => table === 'subscriptions')).toMatchObject({
    before: {},
    after: { status: 'active' },
  })
})

test('a reply shows the outreach and the application', async () => {
  await deliverMail(service, mail())
  const [row] = await service.rows(`select event_id from webhook_events where provider = 'mailgun'`)
  const changes = await changed(row?.event_id)
  expect(changes.find(({ table }) => table === 'outreach')?.after).toMatchObject({ status: 'replied' })
  expect(changes.find(({ table }) => table === 'applications')).toMatchObject({
    before: { status: 'applied' },
    after: { status: 'interviewing' },
  })
})

test('failed attempts are kept with their times and errors, in a batch and alone, and a success changes what it should', async () => {
  await service.rows(`alter table outreach add constraint no_clicks check (id <> 2 or link_clicks = 0)`)
  const click = event('click', { outreach_id: 2 })
  const neighbour = event('click', { outreach_id: 3 })
  await deliverAndSettle(service, click, neighbour)
  service.advance(15_000)
  await service.settled()
  const id = await idOf(click.sg_event_id)
  expect(await attemptsOf(service.db, id)).toMatchObject([
    { attempt: 1, error: expect.stringContaining('no_clicks') },
    { attempt: 2, error: expect.stringContaining('no_clicks') },
  ])
  // What was undone changed nothing.
  expect(await changesOf(service.db, id)).toEqual([])
  expect(await changed(neighbour.sg_event_id)).not.toEqual([])
  await service.rows('alter table outreach drop constraint no_clicks')
  service.advance(90_000)
  await service.settled()
  expect((await changesOf(service.db, id)).find(({ table }) => table === 'outreach')).toMatchObject({
    before: { link_clicks: 0 },
    after: { link_clicks: 1 },
  })
  const page = await (await visit(service, `/console/events/${id}`)).text()
  expect(page).toContain('Attempt 2 failed')
  expect(page).toMatch(/link_clicks<\/span><code>0 → 1/)
  const shown = await webhooks(['events', 'show', id], { DATABASE_URL: service.databaseUrl })
  expect(shown.stdout).toMatch(/outreach 2 +link_clicks +0 +1/)
  expect(shown.stdout).toMatch(/Failed attempts[\s\S]*no_clicks/)
}, 180_000)

test('they go with the person, and after thirty days', async () => {
  const by = { operator: 'test', via: 'command line', reason: 'asked' } as const
  const rowsOf = async (contact: number) =>
    (
      await service.rows(
        `select from event_changes where changes @> $1::jsonb`,
        JSON.stringify([{ table: 'contacts', id: String(contact) }]),
      )
    ).length
  expect(await rowsOf(2)).toBeGreaterThan(0)
  const { changes } = await forget(service.db, 'contact2@example.com', by, service.now())
  expect(changes).toBeGreaterThan(0)
  expect(await rowsOf(2)).toBe(0)
  expect(await rowsOf(3)).toBeGreaterThan(0)
  service.advance(29 * 86_400_000)
  await runTask(retention, service)
  expect(await service.rows('select from event_changes')).not.toEqual([])
  service.advance(2 * 86_400_000)
  await runTask(retention, service)
  expect(await service.rows('select from event_changes')).toEqual([])
})

test('nothing is kept unless it is asked for', async () => {
  const usual = await startService({ env: sendgridEnv })
  await seedOutreach(usual, 1)
  await deliverAndSettle(usual, event('click'))
  expect(await usual.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 1 }])
  expect(await usual.rows('select from event_changes')).toEqual([])
  await usual.stop()
})
