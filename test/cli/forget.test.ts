import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { DEAD_LETTERS } from '../../src/notifications/queue-names.ts'
import { asService } from '../database.ts'
import { deliver as deliverMail, mail, mailgunEnv } from '../providers/mailgun/deliveries.ts'
import { deliverAndSettle, event, seedOutreach, sendgridEnv } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'
import { webhooks } from './run.ts'

vi.setConfig({ testTimeout: 120_000 }) // a process takes its time to start on a busy machine

const ANA = 'Ana_Lopez+jobs@acme.example'

let service: Service
beforeAll(async () => {
  service = await startService({ env: { ...sendgridEnv, ...mailgunEnv } })
  for (const id of [1, 2, 3]) await seedOutreach(service, id)
  await service.rows(`update contacts set email = $1, last_name = 'Lopez' where id = 1`, ANA)
  await service.rows(`update contacts set email = 'x' || $1 where id = 2`, ANA)
})
afterAll(() => service.stop())

const forget = (address: string) =>
  webhooks(['forget', address, '--yes', '--json'], { DATABASE_URL: service.databaseUrl })

/** Every text of every table that holds the pattern. */
const holding = async (pattern: string): Promise<string[]> => {
  const tables = await service.rows(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
     where table_schema in ('public', 'pgboss') and table_type = 'BASE TABLE'`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const text = String(name).includes('webhook_deliveries') ? `convert_from(t.body, 'UTF8')` : 't::text'
    const rows = await service.rows(`select ${text} as row from ${name} t where ${text} ~* $1`, pattern)
    found.push(...rows.map(({ row }) => `${name}: ${row}`))
  }
  return found
}

test('webhooks forget removes a person from every table, and no other person', async () => {
  await deliverAndSettle(
    service,
    event('click', { email: ANA.toLowerCase() }),
    event('click', { outreach_id: '3', url: `https://roleferry.com/?to=${encodeURIComponent(ANA)}` }),
    event('delivered', { email: `x${ANA}`, outreach_id: '2' }),
    event('delivered', { email: `${ANA}.org`, outreach_id: '3' }),
    event('click', { email: ANA, outreach_id: undefined }),
  )
  await deliverMail(
    service,
    mail({
      recipient: 'box1@rf-send-01.com',
      sender: ANA,
      text: 'Call me: Lopez',
      headers: { 'In-Reply-To': '<outreach_1@rf-send-01.com>' },
    }),
  )
  await service.settled()
  // A colleague answers from another address.
  await deliverMail(
    service,
    mail({
      recipient: 'box1@rf-send-01.com',
      sender: 'boss@acme.example',
      text: 'Ms Lopez is away',
      headers: { 'In-Reply-To': '<outreach_1@rf-send-01.com>' },
    }),
  )
  await service.settled()
  await service.rows(
    `insert into webhook_events (provider, event_id, status, last_error) values ('sendgrid', 'failed', 'dead', 'no ' || $1)`,
    ANA,
  )
  await service.rows(
    `insert into operator_actions (event_row_id, action, reason, operator, via, acted_at, status_before)
     select id, 'replay', $1 || ' complained', 'kim', 'console', now(), 'dead' from webhook_events where event_id = 'failed'`,
    ANA,
  )
  await service.app.jobs.boss.send(DEAD_LETTERS, { key: 'k', event: '1', data: { to: ANA } })
  const others = await service.rows('select * from contacts where id > 1 order by id')

  const ended = await forget(` ${ANA.toUpperCase()} `)
  expect(ended.stderr).toBe('')
  expect(ended.code).toBe(0)
  expect(JSON.parse(ended.stdout)).toMatchObject({ contacts: 1, messages: 2, notifications: 1, left: 0 })

  const exact = String.raw`(?<![\w+])ana_lopez(\+|%2b)jobs(@|%40)acme\.example(?!\.)`
  expect(await holding(exact)).toEqual([])
  expect(await holding('lopez is away|call me|boss@acme')).toEqual([])
  expect(await service.rows('select * from contacts where id > 1 order by id')).toEqual(others)
  expect(
    await service.rows(
      `select email, first_name, last_name, opted_out, opted_out_reason from contacts where id = 1`,
    ),
  ).toEqual([
    {
      email: 'forgotten-1@invalid',
      first_name: null,
      last_name: null,
      opted_out: true,
      opted_out_reason: 'unsubscribed',
    },
  ])
  expect(await service.rows(`select distinct status from sequence_steps where outreach_id = 1`)).toEqual([
    { status: 'cancelled' },
  ])
  // Those who are only called alike keep everything; facts without a person stay too.
  expect(
    await service.rows(`select count(*)::int as n from webhook_payloads where payload::text ~* 'acme'`),
  ).toEqual([{ n: 2 }])
  expect(await service.rows('select status, link_clicks from outreach where id = 1')).toEqual([
    { status: 'replied', link_clicks: 1 },
  ])

  expect(await forget(ANA)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('Nothing that this service keeps'),
  })
})

test.each([
  ['JOSE@BÜCHER.example', 'jose@xn--bcher-kva.example', 'a domain stored in ASCII'],
  ['jose@xn--bcher-kva.example', 'jose@bücher.example', 'a domain stored in Unicode'],
  ['jose@acme-two.example', 'Jose+offers@acme-two.example', 'a contact stored with a plus-tag'],
  ['jose+offers@acme-two.example', 'jose@acme-two.example', 'a plus-tag in the request'],
  ['jose@acme-two.example.', ' jose@acme-two.example ', 'a final dot and spaces'],
])('%s finds %s: %s', async (asked, stored) => {
  await service.rows(`select setval('contacts_id_seq', 1000 + (select max(id) from contacts))`)
  const [row] = await service.rows(
    `insert into contacts (email, first_name) values ($1, 'José') returning id`,
    stored,
  )
  const [other] = await service.rows(
    `insert into contacts (email) values ('joseph@acme-two.example.org') returning id`,
  )
  await service.rows(
    `insert into webhook_events (provider, event_id, status, last_error) values ('sendgrid', gen_random_uuid(), 'dead', 'no ' || $1)`,
    stored.trim(),
  )
  await service.rows(
    `insert into inbound_messages (from_email, subject, body_text, kind, received_at)
     values ('friend@globex.example', 'A friend', 'Ask ' || $1 || ', she knows.', 'reply', now())`,
    stored.trim(),
  )
  const ended = await forget(asked)
  expect(ended).toMatchObject({ code: 0 })
  expect(JSON.parse(ended.stdout)).toMatchObject({ contacts: 1, messages: 1, notes: 1 })
  expect(await service.rows('select email, first_name from contacts where id = $1', row?.id)).toEqual([
    { email: `forgotten-${row?.id}@invalid`, first_name: null },
  ])
  expect(await holding('jose(\\+offers)?@(acme-two.example(?!\\.org)|bücher|xn--)')).toEqual([])
  expect(await service.rows('select email from contacts where id = $1', other?.id)).toEqual([
    { email: 'joseph@acme-two.example.org' },
  ])
})

test('a body that a provider wrote with escapes holds the address, too', async () => {
  const body = JSON.stringify([event('click', { email: 'zoë@bücher.example', outreach_id: undefined })])
  const escaped = body.replaceAll(
    /[^\x20-\x7e]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  await service.rows(
    `insert into webhook_deliveries (received_at, provider, event_count, body) values (date_trunc('milliseconds', now()), 'sendgrid', 1, convert_to($1, 'UTF8'))`,
    escaped,
  )
  expect((await forget('zoë@bücher.example')).code).toBe(0)
  expect(
    await service.rows(`select 1 from webhook_deliveries where convert_from(body, 'UTF8') ~ 'u00fc'`),
  ).toEqual([])
})

test('a contact opted out for another reason keeps that reason', async () => {
  await deliverAndSettle(service, event('spamreport', { outreach_id: '2', email: `x${ANA}` }))
  expect(await forget(`x${ANA}`)).toMatchObject({ code: 0 })
  expect(await service.rows('select email, opted_out_reason from contacts where id = 2')).toEqual([
    { email: 'forgotten-2@invalid', opted_out_reason: 'spam' },
  ])
})

test('an event that is not yet processed is not lost: it is left and reported, and removed the next time', async () => {
  await service.rows(`update contacts set email = 'eve@globex.example' where id = 3`)
  await deliverAndSettle(service, event('click', { outreach_id: '78', email: 'eve@globex.example' }))
  const ended = await forget('eve@globex.example')
  expect(ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('1 events or notifications that are not yet processed still hold it'),
  })
  await seedOutreach(service, 78)
  service.advance(20_000)
  await service.settled()
  await eventually(
    async () => ((await forget('eve@globex.example')).code === 0 ? true : undefined),
    'the rest is removed',
  )
  expect(await holding('eve@globex.example')).toEqual([])
  expect(await service.rows('select link_clicks from outreach where id = 78')).toEqual([{ link_clicks: 1 }])
})

test('a mailbox or an account with the address is reported and left to its own service', async () => {
  const ended = await forget('user1@example.com')
  expect(ended.stderr).toContain('It is also the address of user 1')
  expect(await service.rows('select email from users where id = 1')).toEqual([{ email: 'user1@example.com' }])
})

test("the service's role may not run it, and the message says what to do", async () => {
  const ended = await webhooks(['forget', ANA, '--yes'], { DATABASE_URL: asService(service.databaseUrl) })
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("the owner's DATABASE_URL") })
})
