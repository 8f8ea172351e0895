import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { deliver, event, seedOutreach, startSendgrid } from '../providers/sendgrid/deliveries.ts'
import type { Service } from '../service.ts'
import { killedEvent, login, PASSWORD, startWithConsole, submit, visit } from './console.ts'

const PAGES = [
  '/console',
  '/console/',
  '/console/events',
  '/console/events/1',
  '/console/replay?status=dead',
  '/console/refused',
  '/console/audit',
  '/console/outage',
  '/console/pauses',
  '/console/mailboxes',
  '/console/mailboxes/1',
  '/console/outreach/1',
  '/console/contacts/1',
  '/console/users/1',
  '/console/nowhere',
]

test('without a password there is no console: every path answers as any unknown one does', async () => {
  const service = await startSendgrid()
  try {
    const unknown = await fetch(`${service.url}/anything`)
    for (const path of PAGES) {
      const answer = await fetch(service.url + path, { headers: login(PASSWORD) })
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe(unknown.headers.get('content-type'))
      expect(answer.headers.get('www-authenticate')).toBeNull()
    }
    expect((await submit(service, '/console/replay', { reason: 'x' })).status).toBe(404)
  } finally {
    await service.stop()
  }
})

describe('with a password', () => {
  let service: Service
  beforeAll(async () => {
    service = await startWithConsole()
    for (const id of [1, 2]) await seedOutreach(service, id)
    await deliver(service, event('click'))
    await service.settled()
  })
  afterAll(() => service.stop())
  // Wrong passwords are forgotten.
  afterEach(() => service.advance(601_000))

  test.each([
    ['no password', {}],
    ['a wrong one', login('correct horse batterz')],
    ['an empty one', login('')],
    [
      'the password as the name',
      { authorization: `Basic ${Buffer.from(`${PASSWORD}:`).toString('base64')}` },
    ],
    ['another scheme', { authorization: `Bearer ${PASSWORD}` }],
    ['nonsense', { authorization: 'Basic \u00ff\u00ff=' }],
  ])('%s: 401 on every page, its files and its forms, and a login is asked for', async (_what, headers) => {
    const html = await (await visit(service, '/console')).text()
    const files = [...html.matchAll(/(?:href|src)="(\/console\/assets\/[^"]+)"/g)].map(([, path]) =>
      String(path),
    )
    expect(files).toHaveLength(4)
    for (const path of [...PAGES.slice(0, 4), ...files]) {
      const answer = await fetch(service.url + path, { headers })
      service.advance(601_000)
      expect(answer.status, path).toBe(401)
      expect(answer.headers.get('www-authenticate')).toContain('Basic realm="RoleFerry webhooks"')
      expect(await answer.text()).not.toContain('sendgrid')
    }
    const form = await fetch(`${service.url}/console/replay`, {
      method: 'POST',
      headers: { ...headers, origin: service.url },
      body: new URLSearchParams({ reason: 'x' }),
    })
    expect(form.status).toBe(401)
    expect(await service.rows('select from operator_actions')).toHaveLength(0)
  })

  test('any name goes with the right password, and the pages answer', async () => {
    for (const user of ['kim', '', 'jo:se', 'é']) {
      const headers = login(PASSWORD, user.replace(':', ''))
      expect((await fetch(`${service.url}/console`, { headers })).status).toBe(200)
    }
    for (const path of PAGES.slice(0, -1)) expect((await visit(service, path)).status, path).toBe(200)
    expect((await visit(service, '/console/nowhere')).status).toBe(404)
  })

  test('whatever was guessed before, the right password opens', async () => {
    for (let guess = 0; guess < 4; guess++) {
      expect((await fetch(`${service.url}/console`, { headers: login(`wrong ${guess}`) })).status).toBe(401)
    }
    expect((await visit(service, '/console')).status).toBe(200)
    expect((await deliver(service, event('click'))).status).toBe(200)
  })

  test('pages allow nothing inline and nothing from elsewhere, are not kept, and are not shown in frames', async () => {
    for (const path of PAGES) {
      const answer = await visit(service, path)
      expect(answer.headers.get('content-security-policy')).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';form-action 'self';" +
          "base-uri 'none';frame-ancestors 'none'",
      )
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('x-frame-options')).toBe('DENY')
      expect(answer.headers.get('referrer-policy')).toBe('same-origin')
      const html = await answer.text()
      expect(html).not.toMatch(
        /<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+="|javascript:|(src|href|action)="(https?:)?\/\//i,
      )
    }
  })

  test.each<[what: string, headers: (url: string) => Record<string, string>]>([
    ['another origin', () => ({ origin: 'https://evil.example' })],
    ['an opaque origin', () => ({ origin: 'null' })],
    ['no origin at all', () => ({})],
    ['another port of this host', (url) => ({ origin: new URL(url).origin.replace(/\d+$/, '1') })],
    ['a browser that says cross-site', (url) => ({ origin: url, 'sec-fetch-site': 'cross-site' })],
    ['a browser that says same-site', (url) => ({ origin: url, 'sec-fetch-site': 'same-site' })],
    ['a browser that says none', (url) => ({ origin: url, 'sec-fetch-site': 'none' })],
  ])('a form sent from %s changes nothing: 403', async (_what, headers) => {
    const id = await killedEvent(service, crypto.randomUUID())
    for (const path of ['/console/replay', `/console/events/${id}/replay`]) {
      const answer = await submit(service, path, { status: 'dead', reason: 'x' }, headers(service.url))
      expect(answer.status).toBe(403)
    }
    expect(await service.rows('select status from webhook_events where id = $1', id)).toEqual([
      { status: 'dead' },
    ])
    expect(await service.rows('select from operator_actions')).toHaveLength(0)
  })

  test('nothing is changed by GET', async () => {
    const id = await killedEvent(service, crypto.randomUUID())
    for (const path of [`/console/events/${id}/replay?reason=x`, '/console/replay?status=dead&reason=x']) {
      await visit(service, path)
    }
    expect(await service.rows('select from operator_actions')).toHaveLength(0)
  })

  test.each(['', '   ', undefined])('a replay without a reason (%j) is refused', async (reason) => {
    const id = await killedEvent(service, crypto.randomUUID())
    const form = reason === undefined ? {} : { reason }
    for (const path of ['/console/replay', `/console/events/${id}/replay`]) {
      expect((await submit(service, path, { status: 'dead', ...form })).status).toBe(400)
    }
    expect(await service.rows('select from operator_actions')).toHaveLength(0)
  })

  test('a name and a reason that hold what Postgres does not take, or too much, are kept all the same', async () => {
    const id = await killedEvent(service, crypto.randomUUID())
    const answer = await submit(
      service,
      `/console/events/${id}/replay`,
      { reason: `a\0b${'x'.repeat(1_000)}` },
      { origin: service.url, ...login(PASSWORD, 'k'.repeat(300)) },
    )
    expect(answer.status).toBe(303)
    const [action] = await service.rows(
      'select operator, reason from operator_actions where event_row_id = $1',
      id,
    )
    expect(action).toEqual({ operator: 'k'.repeat(100), reason: `a\ufffdb${'x'.repeat(497)}` })
    await service.rows('delete from operator_actions')
  })

  test.each([
    '/console/events?after=x',
    '/console/events?after=99999999999999999.999999999999999999',
    '/console/events?since=2026-99-99T00:00&until=x&period=x&provider=x&status=x',
    '/console/events?since=9999-12-31T23:59',
    '/console/events?q=%00&type=%00',
    '/console/events?q=%ED%A0%80',
    '/console/events?q=a&q=b&provider=stripe&provider=mailgun',
    `/console/events?q=${'9'.repeat(400)}`,
    `/console/events?q=${'%40'.repeat(400)}`,
    '/console/events?__proto__=x&constructor=y',
    '/console/mailboxes?page=99999',
    '/console/mailboxes?page=-1',
    '/console/events/99999999999999999999',
    '/console/events/%00',
    "/console/outreach/1'--",
  ])('%s is not reported as an error of the service', async (path) => {
    expect([200, 404]).toContain((await visit(service, path)).status)
  })

  test.each([
    '-271821-04-20T00:00:00.000Z',
    '+275760-09-13T00:00:00.000Z',
    '0000-01-01T00:00:00.000Z',
    '1970-01-01',
    '9999-12-31T23:59:59.999Z',
    'x',
    '',
  ])('a replay asked for at %j is refused', async (asked) => {
    const id = await killedEvent(service, crypto.randomUUID())
    const answer = await submit(service, '/console/replay', { status: 'dead', reason: 'x', asked })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('too old')
    expect(await service.rows('select status from webhook_events where id = $1', id)).toEqual([
      { status: 'dead' },
    ])
  })

  test('a form that is too large or no form is refused', async () => {
    const headers = { origin: service.url }
    const large = await submit(service, '/console/replay', { reason: 'x'.repeat(20_000) })
    expect(large.status).toBe(413)
    const json = { method: 'POST', body: '{}', headers: { ...headers, 'content-type': 'application/json' } }
    expect((await visit(service, '/console/replay', json)).status).toBe(415)
  })

  test('the password, the operator’s address and the payload are never logged', async () => {
    const id = await killedEvent(service, crypto.randomUUID())
    await visit(service, `/console/events/${id}`)
    await fetch(`${service.url}/console`, { headers: login('a guess of mine') })
    await visit(service, '/console/events?q=someone@example.com')
    const logged = JSON.stringify(service.logs)
    for (const secret of [
      PASSWORD,
      'a guess of mine',
      'someone@example.com',
      login(PASSWORD).authorization,
    ]) {
      expect(logged).not.toContain(secret)
    }
  })
})

test('a database that hangs for the console answers 503 there, and deliveries go on', async () => {
  const service = await startWithConsole()
  await seedOutreach(service, 1)
  const locker = await service.db.connect()
  try {
    await locker.query('begin')
    await locker.query('lock table mailboxes in access exclusive mode')
    const slow = Array.from({ length: 4 }, () => visit(service, '/console/mailboxes'))
    expect((await deliver(service, event('open'))).status).toBe(200)
    for (const answer of await Promise.all(slow)) {
      expect(answer.status).toBe(503)
      expect(await answer.text()).toContain('The database does not answer')
    }
  } finally {
    await locker.query('rollback')
    locker.release()
    await service.stop()
  }
})

test('visits of the console are not in the metrics', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const lines: string[] = []
  socket.on('message', (packet) => lines.push(...packet.toString().split('\n')))
  const service = await startWithConsole({ DD_DOGSTATSD_PORT: String(socket.address().port) })
  try {
    for (const path of PAGES) await visit(service, path)
    await fetch(`${service.url}/console`)
    await submit(service, '/console/replay', {}, {})
  } finally {
    await service.stop() // what is buffered is sent
    socket.close()
  }
  const names = new Set(lines.map((line) => line.replace(/:.*/, '')))
  expect([...names].filter((name) => !/\.(backlog|backlog_age)$/.test(name))).toEqual([])
  expect(lines.join()).not.toContain('console')
})
