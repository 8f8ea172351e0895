import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Stack } from '../../harness/stack.ts'
import { MAX_A_MINUTE, MAX_KEPT } from '../../src/refused/refused.ts'
import { multipart, urlencoded } from '../../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import { startOwnStores } from '../own-stores.ts'
import { post } from '../provider-contract.ts'
import { mail, mailgunEnv, PATH, signature } from '../providers/mailgun/deliveries.ts'
import { bodyOf, event, sendgridEnv, signed } from '../providers/sendgrid/deliveries.ts'
import { signed as signedByStripe, stripeEnv } from '../providers/stripe/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'

const SENDGRID = '/webhooks/sendgrid'
let stores: Stack
let service: Service
beforeAll(async () => {
  stores = await startOwnStores()
  service = await startService({
    env: {
      ...sendgridEnv,
      ...stripeEnv,
      ...mailgunEnv,
      TRUST_PROXY: '127.0.0.1',
      DATABASE_URL: stores.postgres.url,
      REDIS_URL: stores.redis.url,
    },
  })
})
afterAll(async () => {
  await service.stop()
  await stores.stop()
})
beforeEach(async () => {
  await service.rows('truncate refused_deliveries, minute_counts')
  service.advance(60_000)
})

const kept = (count: number) =>
  eventually(async () => {
    const rows = await service.rows('select * from refused_deliveries order by id')
    return rows.length >= count ? rows : undefined
  }, `${count} are kept`)
const wrongKey = (fields: Record<string, unknown> = {}) =>
  signed(bodyOf([event('click', fields)]), { key: 'wrong' })
const withHeaders = (request: SignedRequest, headers: Record<string, string>): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
})

test('a refused delivery is kept with its source, its headers, its first bytes and a diagnosis', async () => {
  const request = wrongKey({ note: 'x'.repeat(5_000) })
  await post(
    service,
    SENDGRID,
    withHeaders(request, {
      authorization: 'Bearer secret',
      cookie: 'session=secret',
      'proxy-authorization': 'Basic secret',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      forwarded: 'for=203.0.113.7',
      'x-real-ip': '203.0.113.7',
      via: '1.1 our-proxy',
      'x-custom': 'kept',
    }),
  )
  const [row] = await kept(1)
  expect(row).toMatchObject({
    provider: 'sendgrid',
    reason: 'signature_invalid',
    source: '203.0.113.7',
    diagnosis: 'wrong key',
    headers: { 'x-custom': 'kept', 'user-agent': 'SendGrid Event API' },
  })
  expect(row?.because).toContain('none of 2 keys made it')
  expect(JSON.stringify(row?.headers)).not.toMatch(/secret|forwarded|our-proxy|203\.0/)
  expect(row?.body).toEqual(request.body.subarray(0, 4_096))
})

const changed = ({ headers, body }: SignedRequest): SignedRequest => ({
  headers,
  body: Buffer.from(body.toString().trimEnd()),
})

describe.each<[what: string, path: string, make: () => SignedRequest, diagnosis: string | null]>([
  ['another key (SendGrid)', SENDGRID, () => wrongKey(), 'wrong key'],
  ['a trimmed body (SendGrid)', SENDGRID, () => changed(signed(bodyOf([event('click')]))), 'changed body'],
  [
    'an old signature (SendGrid)',
    SENDGRID,
    () => signed(bodyOf([event('click')]), { age: 100_000 }),
    'stale',
  ],
  ['no JSON (SendGrid)', SENDGRID, () => signed('{'), 'malformed'],
  [
    'a clock that is ahead (SendGrid)',
    SENDGRID,
    () => signed(bodyOf([event('click')]), { age: -900 }),
    'stale',
  ],
  [
    'another media type (SendGrid)',
    SENDGRID,
    () => withHeaders(signed('[]'), { 'content-type': 'text/plain' }),
    'malformed',
  ],
  [
    'another key (Stripe)',
    '/webhooks/stripe',
    () => signedByStripe('{"id":"evt_1"}', { key: 'wrong' }),
    'wrong key',
  ],
  [
    'an old signature (Stripe)',
    '/webhooks/stripe',
    () => signedByStripe('{"id":"evt_1"}', { age: 900 }),
    'stale',
  ],
  [
    'a pretty-printed body (Stripe)',
    '/webhooks/stripe',
    () => ({ ...signedByStripe('{"id":"evt_1"}'), body: Buffer.from('{\n  "id": "evt_1"\n}') }),
    'changed body',
  ],
  ['another key (Mailgun)', PATH, () => urlencoded([...mail(), ...signature({ key: 'wrong' })]), 'wrong key'],
  ['an old signature (Mailgun)', PATH, () => urlencoded([...mail(), ...signature({ age: 90_000 })]), 'stale'],
  ['no signature (Mailgun)', PATH, () => multipart(mail()), 'malformed'],
  [
    'another key, multipart (Mailgun)',
    PATH,
    () => multipart([...mail(), ...signature({ key: 'wrong' })]),
    'wrong key',
  ],
])('%s', (_what, path, make, diagnosis) => {
  test(`is diagnosed as ${diagnosis}`, async () => {
    expect((await post(service, path, make())).status).toBeGreaterThanOrEqual(400)
    const [row] = await kept(1)
    expect(row).toMatchObject({ diagnosis })
    expect(row?.because).not.toBe('')
    expect(row?.body).not.toBeNull()
  })
})

test('a delivery without signature headers is kept with the bytes that came with them', async () => {
  await post(service, SENDGRID, {
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('[{}]'),
  })
  const [row] = await kept(1)
  expect(row).toMatchObject({
    reason: 'signature_missing',
    diagnosis: 'malformed',
    body: Buffer.from('[{}]'),
  })
})

test('a flood keeps the first of each minute, and of these the newest, while all are counted', async () => {
  for (let minute = 0; minute < 4; minute++) {
    await Promise.all(Array.from({ length: 40 }, () => post(service, SENDGRID, wrongKey({ minute }))))
    await post(service, SENDGRID, {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('[]'),
    })
    service.advance(60_000)
  }
  await eventually(async () => {
    const [row] = await service.rows(
      `select sum(count)::int as n from minute_counts where reason = 'signature_invalid'`,
    )
    return Number(row?.n) >= 160 || undefined
  }, 'all are counted')
  const ofMinute = async () =>
    await service.rows(
      `select date_trunc('minute', refused_at) as minute, count(*)::int as n from refused_deliveries
       where reason = 'signature_invalid' group by 1 order by 1`,
    )
  await eventually(
    async () => (await ofMinute()).reduce((sum, { n }) => sum + Number(n), 0) === MAX_KEPT || undefined,
    'the newest are left',
  )
  const counts = (await ofMinute()).map(({ n }) => Number(n))
  // A minute of the clock may end within one of the test.
  expect(Math.max(...counts)).toBeLessThanOrEqual(MAX_A_MINUTE)
  await eventually(
    async () =>
      (await service.rows(`select from refused_deliveries where reason = 'signature_missing'`)).length ===
        4 || undefined,
    'the others are kept, too',
  )
})

test('what is older than seven days is deleted', async () => {
  await service.rows(
    `insert into refused_deliveries (provider, reason, refused_at, source, headers)
     values ('stripe', 'stale', $1::timestamptz - interval '8 days', '192.0.2.1', '{}'),
            ('stripe', 'stale', $1::timestamptz - interval '6 days', '192.0.2.2', '{}')`,
    service.now(),
  )
  await post(service, SENDGRID, wrongKey())
  await eventually(
    async () =>
      (await service.rows(`select from refused_deliveries where source = '192.0.2.1'`)).length === 0 ||
      undefined,
    'the old one is gone',
  )
  expect(await service.rows(`select from refused_deliveries where source = '192.0.2.2'`)).toHaveLength(1)
})

test('what is refused while Postgres is away is counted, and kept once it is back', async () => {
  await stores.postgres.stop('immediate')
  const answers = await Promise.all([
    post(service, SENDGRID, signed(bodyOf([event('click')]))),
    post(service, SENDGRID, wrongKey()),
  ])
  expect(answers.map(({ status }) => status)).toEqual([503, 401])
  await stores.postgres.start()
  const rows = await kept(2)
  expect(rows.map(({ reason, diagnosis }) => [reason, diagnosis]).sort()).toEqual([
    ['signature_invalid', 'wrong key'],
    ['unavailable', null],
  ])
  await eventually(
    async () =>
      (await service.rows(`select from minute_counts where reason = 'unavailable' and count = 1`)).length ===
        1 || undefined,
    'it is counted',
  )
})
