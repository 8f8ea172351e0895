import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deliverAndSettle, mail, mailgunEnv } from '../providers/mailgun/deliveries.ts'
import { seedOutreach } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'
import { createBrowser, type PushService, readVapid, startPushService } from './push-service.ts'

const lines = execFileSync(process.execPath, ['dev/vapid.ts'], { encoding: 'utf8' }).trim().split('\n')
/** As `npm run dev:vapid` prints them. */
const vapid = Object.fromEntries(lines.map((line) => line.split('='))) as Record<string, string>
const env = { ...mailgunEnv, ...vapid, VAPID_SUBJECT: 'mailto:ops@example.com' }

let service: Service
let secure: PushService
let plain: PushService
beforeAll(async () => {
  secure = await startPushService('https')
  plain = await startPushService('http')
  service = await startService({ env, pushToThisMachine: true })
})
afterAll(async () => {
  await service.stop()
  await secure.stop()
  await plain.stop()
})

let id = 100
/** A user with an outreach that is answered. */
const fresh = async (on = service) => {
  const userId = String(++id)
  await seedOutreach(on, userId)
  const subscribe = async (endpoint: string, keys: { p256dh: string | null; auth: string | null }) =>
    (
      await on.rows(
        'insert into push_subscriptions (user_id, endpoint, p256dh, auth) values ($1, $2, $3, $4) returning id',
        userId,
        endpoint,
        keys.p256dh,
        keys.auth,
      )
    )[0]?.id as string
  const answer = () =>
    deliverAndSettle(
      on,
      mail({
        sender: `contact${userId}@example.com`,
        recipient: `box${userId}@rf-send-01.com`,
        headers: { 'In-Reply-To': `<outreach_${userId}@rf-send-01.com>` },
      }),
    )
  const subscriptions = async () =>
    (await on.rows('select id from push_subscriptions where user_id = $1 order by id', userId)).map(
      (row) => row.id,
    )
  /** The jobs of this user's subscriptions, once as many as are expected have ended or wait for a retry. */
  const jobs = (count: number, state: string) =>
    eventually(async () => {
      const rows = await on.rows(
        `select state, output, retry_count from pgboss.job where name = 'push-deliveries' and data ->> 'key' like $1`,
        `mailgun:reply:${userId}:%`,
      )
      return rows.filter((row) => row.state === state).length === count ? rows : undefined
    }, `${count} deliveries are ${state}`)
  return { userId, subscribe, answer, subscriptions, jobs }
}
const at = (push: PushService, path: string) => push.received.filter((one) => one.path === path)
const pushed = (push: PushService, path: string) =>
  eventually(() => at(push, path)[0], `a push arrives at ${path}`)

test('a reply is pushed to every subscription of the user, encrypted for each and signed', async () => {
  const { userId, subscribe, answer, jobs } = await fresh()
  const browsers = [createBrowser(), createBrowser()]
  for (const [n, browser] of browsers.entries()) {
    await subscribe(`${secure.url}/send/${userId}-${n}`, browser)
  }
  const other = await fresh()
  await other.subscribe(`${secure.url}/send/${other.userId}-other`, createBrowser())
  await answer()
  for (const [n, browser] of browsers.entries()) {
    const { headers, body } = await pushed(secure, `/send/${userId}-${n}`)
    expect(browser.decrypt(body)).toEqual({
      title: 'Reply received!',
      body: 'Ana replied',
      url: `/applications/${userId}`,
      outreach_id: userId,
    })
    expect(headers).toMatchObject({
      'content-encoding': 'aes128gcm',
      'content-type': 'application/octet-stream',
      ttl: '86400',
      topic: expect.stringMatching(/^[\w-]{32}$/),
    })
    const claims = readVapid(headers.authorization, vapid.VAPID_PUBLIC_KEY ?? '')
    expect(claims).toMatchObject({ aud: secure.url, sub: 'mailto:ops@example.com' })
    expect(Number(claims.exp) * 1_000).toBeGreaterThan(Date.now())
    expect(() => createBrowser().decrypt(body)).toThrow()
  }
  await jobs(2, 'completed')
  expect(at(secure, `/send/${other.userId}-other`)).toEqual([])
})

for (const status of [404, 410]) {
  test(`${status} deletes the subscription, and only that one`, async () => {
    const { userId, subscribe, answer, subscriptions, jobs } = await fresh()
    await subscribe(`${secure.url}/send/${userId}-gone`, createBrowser())
    const kept = await subscribe(`${secure.url}/send/${userId}-kept`, createBrowser())
    secure.answer(`/send/${userId}-gone`, status)
    await answer()
    await jobs(2, 'completed')
    expect(await subscriptions()).toEqual([kept])
    expect(at(secure, `/send/${userId}-gone`)).toHaveLength(1)
  })
}

test('a subscription that cannot be encrypted for or posted to is deleted', async () => {
  const { userId, subscribe, answer, subscriptions, jobs } = await fresh()
  const good = createBrowser()
  const unusable = [
    { p256dh: 'short', auth: good.auth },
    { p256dh: good.p256dh, auth: 'short' },
    { p256dh: null, auth: null },
    { p256dh: Buffer.alloc(65, 7).toString('base64url'), auth: good.auth },
  ]
  for (const [n, keys] of unusable.entries()) await subscribe(`${secure.url}/send/${userId}-${n}`, keys)
  await subscribe(`no url ${userId}`, good)
  const kept = await subscribe(`${secure.url}/send/${userId}-good`, good)
  await answer()
  await pushed(secure, `/send/${userId}-good`)
  await jobs(unusable.length + 2, 'completed')
  expect(await subscriptions()).toEqual([kept])
})

test('what a push service cannot take now is tried again, without a second push to other devices', async () => {
  const { userId, subscribe, answer, jobs } = await fresh()
  const busy = createBrowser()
  await subscribe(`${plain.url}/send/${userId}-busy`, busy)
  await subscribe(`${plain.url}/send/${userId}-fine`, createBrowser())
  plain.answer(`/send/${userId}-busy`, 503)
  await answer()
  await jobs(1, 'retry')
  plain.answer(`/send/${userId}-busy`, 201)
  await jobs(2, 'completed')
  expect(at(plain, `/send/${userId}-busy`).length).toBeGreaterThan(1)
  expect(at(plain, `/send/${userId}-fine`)).toHaveLength(1)
  const [first, second] = at(plain, `/send/${userId}-busy`)
  expect(first?.headers.topic).toBe(second?.headers.topic)
})

test('what a push service refuses for good is given up, and the subscription kept', async () => {
  const { userId, subscribe, answer, subscriptions, jobs } = await fresh()
  const subscription = await subscribe(`${plain.url}/send/${userId}`, createBrowser())
  plain.answer(`/send/${userId}`, 403)
  await answer()
  const [job] = await jobs(1, 'completed')
  expect(job?.output).toMatchObject({ ending: 'given_up', error: 'the push service answered 403' })
  expect(await subscriptions()).toEqual([subscription])
})

test('a redirect is not followed', async () => {
  const { userId, subscribe, answer, jobs } = await fresh()
  await subscribe(`${plain.url}/send/${userId}`, createBrowser())
  plain.answer(`/send/${userId}`, 307, { location: `${plain.url}/elsewhere/${userId}` })
  await answer()
  const [job] = await jobs(1, 'completed')
  expect(job?.output).toMatchObject({ ending: 'given_up' })
  expect(at(plain, `/elsewhere/${userId}`)).toEqual([])
})

describe('in production', () => {
  let production: Service
  beforeAll(async () => {
    production = await startService({ env })
  })
  afterAll(() => production.stop())

  test('nothing is posted into private networks or without TLS', async () => {
    const { userId, subscribe, answer, jobs } = await fresh(production)
    const port = new URL(plain.url).port
    const securePort = new URL(secure.url).port
    const endpoints = [
      `${plain.url}/in/${userId}`,
      `http://127.0.0.1:${port}/in/${userId}`,
      `${secure.url}/in/${userId}`,
      `https://127.0.0.1:${securePort}/in/${userId}`,
      `https://[::ffff:127.0.0.1]:${securePort}/in/${userId}`,
      `https://2130706433:${securePort}/in/${userId}`,
      'https://169.254.169.254/latest/meta-data',
      'https://10.1.2.3/',
      'https://[fd00::1]/',
      'file:///etc/hosts',
    ]
    for (const endpoint of endpoints) await subscribe(endpoint, createBrowser())
    await answer()
    const rows = await jobs(endpoints.length, 'completed')
    for (const row of rows) {
      expect(row.output).toEqual({
        ending: 'given_up',
        error: 'the URL is not that of a public https service',
      })
    }
    expect([...at(plain, `/in/${userId}`), ...at(secure, `/in/${userId}`)]).toEqual([])
  })
})

test('without VAPID keys the push is logged as what would have been sent', async () => {
  const other = await startService({ env: mailgunEnv })
  try {
    const { answer, subscribe, userId } = await fresh(other)
    await subscribe(`${secure.url}/send/${userId}`, createBrowser())
    await answer()
    await eventually(
      () => other.logs.find((line) => line.channel === 'push' && line.msg.includes('would have been sent')),
      'it is logged',
    )
    expect(at(secure, `/send/${userId}`)).toEqual([])
  } finally {
    await other.stop()
  }
})

test('`npm run dev:vapid` prints a new pair every time', () => {
  expect(Object.keys(vapid)).toEqual(['VAPID_PUBLIC_KEY', 'VAPID_PRIVATE_KEY'])
  expect(execFileSync(process.execPath, ['dev/vapid.ts'], { encoding: 'utf8' })).not.toContain(
    vapid.VAPID_PUBLIC_KEY,
  )
})
