import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import samples from '../../fixtures/sendgrid/sendgrid-sample-events.json' with { type: 'json' }
import { post } from '../../provider-contract.ts'
import type { Service } from '../../service.ts'
import {
  bodyOf,
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  signed,
  startSendgrid,
} from './deliveries.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
})
afterAll(() => service.stop())

const postRaw = (body: string) => post(service, '/webhooks/sendgrid', signed(body))
const newest = async (count: number) =>
  (await service.rows(`select * from webhook_events order by id desc limit ${count}`)).toReversed()
const clicks = async () =>
  Number((await service.rows('select link_clicks from outreach where id = 1'))[0]?.link_clicks)

test('entries that are no events are kept as skipped and do not lose their neighbours', async () => {
  const before = await clicks()
  const bad = [null, 5, 'text', ['nested'], true, {}, { event: '' }, { event: false }, { event: { a: 1 } }]
  const answer = await deliverAndSettle(service, event('click'), ...bad, event('click'))
  expect(answer.body).toEqual({ status: 'ok', accepted: bad.length + 2, duplicates: 0 })
  expect(await clicks()).toBe(before + 2)
  const skipped = await service.rows(
    `select last_error, payload from webhook_events join webhook_payloads using (id) where status = 'skipped'`,
  )
  expect(skipped).toHaveLength(bad.length)
  expect(new Set(skipped.map((row) => row.last_error))).toEqual(
    new Set(['the entry is not an object', 'the entry has no usable "event"']),
  )
  expect(skipped.map((row) => JSON.stringify(row.payload))).toContain('["nested"]')
})

test('an unusable timestamp becomes the time of arrival, a usable one is read in any form', async () => {
  const unusable = [
    undefined,
    null,
    'soon',
    -1,
    0,
    1e300,
    1_000_000_000,
    4_000_000_000,
    {},
    '',
    Number.MAX_VALUE,
  ]
  await deliverAndSettle(service, ...unusable.map((timestamp) => event('open', { timestamp })))
  for (const row of await newest(unusable.length)) expect(row.occurred_at).toEqual(row.received_at)
  const usable = [1_790_000_000, '1790000000', 1_790_000_000_000, '1790000000000', 1_790_000_000.4]
  await deliverAndSettle(service, ...usable.map((timestamp) => event('open', { timestamp })))
  for (const row of await newest(usable.length)) {
    expect(Math.floor((row.occurred_at as Date).getTime() / 1_000)).toBe(1_790_000_000)
  }
})

test('NUL characters and lone surrogates become U+FFFD, in values, names, ids and types', async () => {
  const nasty = event('click', {
    'smtp-id': '<a\u0000b@c>',
    note: 'x\ud800y',
    'k\u0000': '\udc00',
    text: '\\u0000 stays',
  })
  const before = await clicks()
  await deliverAndSettle(
    service,
    nasty,
    event('cl\u0000ick', { sg_event_id: `id\u0000-${process.pid}` }),
    event('processed', { 'smtp-id': '<nul\u0000@host>' }),
  )
  expect(await clicks()).toBe(before + 1)
  const [row] = await service.rows(
    'select payload from webhook_payloads where event_id = $1',
    nasty.sg_event_id,
  )
  expect(row?.payload).toMatchObject({
    'smtp-id': '<a\ufffdb@c>',
    note: 'x\ufffdy',
    'k\ufffd': '\ufffd',
    text: '\\u0000 stays',
  })
  const [odd] = await service.rows(`select * from webhook_events where event_type = $1`, 'cl\ufffdick')
  expect(odd).toMatchObject({ status: 'ignored', event_id: `id\ufffd-${process.pid}` })
})

test('ids, types and values of any characters stay with their own event', async () => {
  const odd = ['a\u001fb', '\u001f', '","', '{a,b}', 'NULL', '\\', "'", '\u001e\t\r\n', '🚀']
  const events = odd.map((text, n) => event(text, { sg_event_id: `${text} ${n}`, note: text }))
  const answer = await deliverAndSettle(service, ...events)
  expect(answer.body).toEqual({ status: 'ok', accepted: odd.length, duplicates: 0 })
  const stored = await service.rows(
    `select event_id, event_type, payload from webhook_events join (select id, payload from webhook_payloads) p using (id)
     order by id desc limit ${odd.length}`,
  )
  const rows = stored.map(({ event_id, event_type, payload }) => [
    event_id,
    event_type,
    (payload as { note: string }).note,
  ])
  expect(rows.sort()).toEqual(odd.map((text, n) => [`${text} ${n}`, text, text]).sort())
})

test('10,000 levels of nesting do no harm', async () => {
  const deep = `{"event":"click","outreach_id":1,"sg_event_id":"deep-${process.pid}","deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`
  const before = await clicks()
  expect(await postRaw(`[${deep},${JSON.stringify(event('click'))}]`)).toMatchObject({
    status: 200,
    body: { accepted: 2 },
  })
  await service.settled()
  expect(await clicks()).toBe(before + 2)
})

test('a body of millions of levels is refused before it is parsed', async () => {
  expect(await postRaw('['.repeat(4_000_000))).toMatchObject({
    status: 400,
    body: { code: 'WEBHOOK_MALFORMED' },
  })
})

test('__proto__ keys, names of Object.prototype and ids of 5,000 characters are data', async () => {
  const before = await clicks()
  const long = 'i'.repeat(5_000)
  const proto = `{"__proto__":{"event":"spamreport","polluted":1},"event":"click","outreach_id":"1","sg_event_id":"p-${process.pid}"}`
  expect(await postRaw(`[${proto}]`)).toMatchObject({ status: 200 })
  await deliverAndSettle(
    service,
    event('click', { sg_event_id: long, sg_message_id: long, email: long, url: long }),
    event('toString'),
    event('e'.repeat(5_000)),
    event('processed', { 'smtp-id': `<${long}@host>` }),
  )
  expect(await clicks()).toBe(before + 2)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  expect(
    await service.rows(
      `select status from webhook_events join webhook_payloads using (id) where payload ->> 'sg_event_id' = $1`,
      long,
    ),
  ).toEqual([{ status: 'processed' }])
  expect(await service.rows(`select from webhook_events where length(event_type) > 100`)).toEqual([])
})

test('a delivery of 5 MB with 12,000 events is stored whole', async () => {
  const before = await clicks()
  const events = Array.from({ length: 12_000 }, (_, n) => event('click', { pad: 'x'.repeat(220), n }))
  const body = bodyOf(events)
  expect(body.length).toBeGreaterThan(4.5e6)
  expect(await postRaw(body)).toMatchObject({ status: 200, body: { accepted: 12_000, duplicates: 0 } })
  await service.settled()
  expect(await clicks()).toBe(before + 12_000)
  expect(await postRaw(body)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
})

for (const [what, body] of [
  ['20,000 events', () => `[${'1,'.repeat(20_000)}1]`],
  ['20,000 events of two bytes', () => `[${'{},'.repeat(20_000)}{}]`],
  ['150,000 values, 5 MiB of them', () => `[${'1,'.repeat(2_600_000)}1]`],
  ['150,000 values in one event', () => `[{"event":"click","a":[${'1,'.repeat(150_000)}1]}]`],
  ['150,000 names in one event', () => `[{${Array.from({ length: 150_001 }, (_, n) => `"${n}":1`).join()}}]`],
] as const) {
  test(`more than ${what} is too much for one delivery`, async () => {
    const before = await service.rows('select from webhook_events')
    const answer = await postRaw(body())
    expect(answer).toMatchObject({
      status: 413,
      body: { code: 'WEBHOOK_TOO_LARGE', message: expect.stringContaining('at most') },
    })
    expect(await service.rows('select from webhook_events')).toHaveLength(before.length)
  })
}

test('20,000 events in one delivery are read, and brackets and commas in strings are no values', async () => {
  const text = `${'[{'.repeat(50)}${','.repeat(100)}\\\\"`
  const many = event('open', { text: text.repeat(1_500) })
  const same = event('open')
  const body = bodyOf([many, ...Array.from({ length: 19_999 }, () => same)])
  expect(await postRaw(body)).toMatchObject({ status: 200, body: { accepted: 2, duplicates: 19_998 } })
  await service.settled() // the ids of the next ones are greater only then
})

test('a Message-ID longer than Postgres can index is not learned, and harms no other event', async () => {
  const character = () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000))
  const long = Array.from({ length: 990 }, character).join('')
  const before = await clicks()
  await deliverAndSettle(service, event('processed', { 'smtp-id': `<${long}@x>` }), event('click'))
  expect(await newest(2)).toMatchObject([
    { status: 'processed', attempts: 1 },
    { status: 'processed', attempts: 1 },
  ])
  expect(await clicks()).toBe(before + 1)
})

test('more than 5 MiB is refused with what is allowed', async () => {
  const answer = await postRaw(`[${'"x",'.repeat(1_400_000)}0]`)
  expect(answer).toMatchObject({
    status: 413,
    body: { code: 'WEBHOOK_TOO_LARGE', message: expect.stringContaining('5 MiB') },
  })
})

describe('SendGrid’s own samples', () => {
  test('are all accepted', async () => {
    const answer = await deliver(service, ...samples)
    expect(answer.body).toMatchObject({ status: 'ok', accepted: samples.length })
    await service.settled()
  })
})

test('logs never hold a body, an address or a key', async () => {
  await deliverAndSettle(
    service,
    event('bounce', { outreach_id: 1, email: 'secret.person@example.com', note: 'confidential' }),
  )
  await postRaw('{"email":"secret.person@example.com"}')
  const text = JSON.stringify(service.logs)
  expect(text).not.toMatch(/secret\.person|confidential|MFkw/)
})
