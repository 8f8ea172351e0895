import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { login, PASSWORD } from '../console/console.ts'
import { PATH as MAILGUN, mailgunEnv } from '../providers/mailgun/deliveries.ts'
import { bodyOf, event, seedOutreach, sendgridEnv, signed } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'

// Raw sockets against every kind of route: those that exist and those that do not, those that read a body and those that
// do not.

let service: Service
const sockets: Socket[] = []
beforeAll(async () => {
  service = await startService({ env: { ...sendgridEnv, ...mailgunEnv, CONSOLE_PASSWORD: PASSWORD } })
  await seedOutreach(service, 1)
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await service.stop()
})

const MIB = 1024 * 1024

const open = async () => {
  const socket = connect({ port: Number(new URL(service.url).port), host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(socket)
  let text = ''
  let failed: NodeJS.ErrnoException | undefined
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', (error) => {
    failed = error
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  // The service has closed its half; so do we, as any client does.
  socket.on('end', () => socket.end())
  await once(socket, 'connect')
  return { socket, answer: () => text, error: () => failed, closed }
}

const headOf = (method: string, path: string, headers: Record<string, string | number>) =>
  `${method} ${path} HTTP/1.1\r\nhost: x\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const ROUTES: [what: string, method: string, path: string, headers: Record<string, string | number>][] = [
  ['a path that does not exist', 'POST', '/nope', {}],
  ['a path that does not exist, sent JSON', 'POST', '/nope', { 'content-type': 'application/json' }],
  ['a method that does not exist', 'PUT', '/healthz', FORM],
  ['health, with a body', 'GET', '/healthz', {}],
  ['readiness, with a body', 'GET', '/readyz', {}],
  ['the console without a password', 'POST', '/console/replay', FORM],
  [
    'the console',
    'POST',
    '/console/replay',
    { ...FORM, ...login(PASSWORD), 'sec-fetch-site': 'same-origin' },
  ],
  ['a page of the console, with a body', 'GET', '/console', login(PASSWORD)],
  ['a page of the console that does not exist', 'POST', '/console/nope', { ...FORM, ...login(PASSWORD) }],
  ['SendGrid’s, unsigned', 'POST', '/webhooks/sendgrid', { 'content-type': 'application/json' }],
  ['SendGrid’s, signed', 'POST', '/webhooks/sendgrid', signed('[]', { key: 'wrong' }).headers],
  [
    'SendGrid’s, of another type',
    'POST',
    '/webhooks/sendgrid',
    { ...signed('[]').headers, 'content-type': 'text/plain' },
  ],
  ['Mailgun’s', 'POST', MAILGUN, FORM],
  ['a path with dots', 'POST', '/console/../webhooks/x', FORM],
  ['a malformed path', 'POST', '/%zz', FORM],
]

describe.each([
  ['a length', { 'content-length': 100_000 }, 'x'],
  ['chunks', { 'transfer-encoding': 'chunked' }, '1\r\nx\r\n'],
])('a body that dribbles in, announced by %s', (_announced, framing, piece) => {
  test.concurrent.each(ROUTES)(
    '%s: is cut off long before it is there',
    async (_what, method, path, headers) => {
      const { socket, answer, closed } = await open()
      socket.write(headOf(method, path, { ...headers, ...framing }))
      const dribble = setInterval(() => socket.write(piece), 300)
      try {
        await closed
      } finally {
        clearInterval(dribble)
      }
      expect(answer()).toMatch(/^HTTP\/1\.1 [2-4]\d\d /)
      expect(answer().split('\r\n\r\n')[0]?.toLowerCase()).toContain('connection: close')
    },
    60_000,
  )
})

describe('a sender that reads nothing before it has sent everything gets', () => {
  const LARGE: [
    what: string,
    path: string,
    headers: Record<string, string | number>,
    bytes: number,
    status: number,
  ][] = [
    ['that a body of SendGrid’s is too large', '/webhooks/sendgrid', signed('[]').headers, 8 * MIB, 413],
    [
      'that a body of Mailgun’s is too large',
      MAILGUN,
      { 'content-type': 'multipart/form-data; boundary=b' },
      44 * MIB,
      413,
    ],
    [
      'that a signature is missing',
      '/webhooks/sendgrid',
      { 'content-type': 'application/json' },
      4 * MIB,
      401,
    ],
    [
      'that the type is wrong',
      '/webhooks/sendgrid',
      { ...signed('[]').headers, 'content-type': 'text/plain' },
      4 * MIB,
      415,
    ],
    ['that there is no such path', '/nope', {}, 8 * MIB, 404],
    ['that the console is not for everybody', '/console/replay', FORM, 8 * MIB, 401],
    [
      'that the provider is not configured',
      '/webhooks/stripe',
      { 'content-type': 'application/json' },
      2 * MIB,
      503,
    ],
  ]
  test.each(
    LARGE.flatMap(([what, path, headers, bytes, status]) => [
      [
        what,
        'with a length',
        path,
        { ...headers, 'content-length': bytes },
        Buffer.alloc(bytes, 'x'),
        status,
      ] as const,
      [
        what,
        'in chunks',
        path,
        { ...headers, 'transfer-encoding': 'chunked' },
        Buffer.from(`${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`.repeat(bytes / 64 / 1024)),
        status,
      ] as const,
    ]),
  )(
    '%s, %s',
    async (_what, _framing, path, headers, body, status) => {
      for (let times = 0; times < 3; times++) {
        const { socket, answer, error, closed } = await open()
        socket.pause() // as one does that writes first and reads then
        socket.write(headOf('POST', path, { ...headers, connection: 'close' }))
        await new Promise((resolve) => socket.write(body, resolve))
        socket.resume()
        await closed
        expect(error()).toBeUndefined()
        expect(answer()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      }
    },
    60_000,
  )
})

test('a sender that never stops is cut off in the end', async () => {
  const { socket, closed } = await open()
  socket.write(headOf('POST', '/nope', { 'content-length': 4_000_000_000 }))
  const flood = setInterval(() => socket.write(Buffer.alloc(MIB)), 10)
  await closed
  clearInterval(flood)
}, 60_000)

describe('what follows a delivery on its connection', () => {
  const delivery = () => {
    const { headers, body } = signed(bodyOf([event('click')]))
    return headOf('POST', '/webhooks/sendgrid', { ...headers, 'content-length': body.length }) + body
  }
  test.each([
    ['no HTTP', 'EHLO mail.example\r\n\r\n', '400'],
    ['too long headers', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, '431'],
    [
      'a length and chunks at once',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
      '400',
    ],
    [
      'a broken chunk',
      `${headOf('POST', '/webhooks/sendgrid', { ...signed('[]').headers, 'transfer-encoding': 'chunked' })}zz\r\n`,
      '400',
    ],
  ])('%s is not its answer', async (_what, next, status) => {
    for (const before of [1, 3]) {
      const stored = await service.rows('select from webhook_events')
      const { socket, answer, closed } = await open()
      socket.write(Array.from({ length: before }, delivery).join('') + next)
      await closed
      const statuses = answer().match(/(?<=HTTP\/1\.1 )\d{3}/g)
      expect(statuses).toEqual([...Array.from({ length: before }, () => '200'), status])
      await service.settled()
      expect(await service.rows('select from webhook_events')).toHaveLength(stored.length + before)
    }
  })
})

describe('errors repeat nothing of what was sent', () => {
  test.each<[what: string, method: string, path: string, headers: Record<string, string>]>([
    ['a path that does not exist', 'GET', '/s3cret', {}],
    ['a malformed path', 'GET', '/s3cret%zz', {}],
    [
      'a type that is not taken',
      'POST',
      '/webhooks/sendgrid',
      { ...signed('[]').headers, 'content-type': 'text/s3cret' },
    ],
    [
      'a type that is not taken by the console',
      'POST',
      '/console/replay',
      { ...login(PASSWORD), 'sec-fetch-site': 'same-origin', 'content-type': 'text/s3cret' },
    ],
    ['a path without a route', 'POST', '/nope', { 'content-type': 'application/json' }],
    ['a method that is not there', 'DELETE', '/webhooks/sendgrid?s3cret', {}],
    ['dots', 'GET', '/console/../s3cret', {}],
  ])('%s', async (_what, method, path, headers) => {
    const { socket, answer, closed } = await open()
    const body = method === 'POST' ? '{"s3cret":' : ''
    socket.end(
      headOf(method, path, { ...headers, 'content-length': body.length, connection: 'close' }) + body,
    )
    await closed
    expect(answer()).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(answer()).not.toContain('s3cret')
  })
})

test('the console is not reached by a path that a proxy resolves to another', async () => {
  for (const path of [
    '/console/../webhooks/x',
    '/console/%2e%2e/webhooks/x',
    '/console/x%2f..%2f..%2fwebhooks/x',
  ]) {
    const { socket, answer, closed } = await open()
    socket.end(headOf('GET', path, { connection: 'close' }))
    await closed
    expect(answer()).toMatch(/^HTTP\/1\.1 404 /)
    expect(answer().toLowerCase()).not.toContain('www-authenticate')
  }
})

test('after a 503 whose body was short the connection takes the next request', async () => {
  const headers = { 'content-type': 'application/json', 'content-length': 600_000 }
  const { socket, answer } = await open()
  for (let times = 1; times <= 3; times++) {
    socket.write(headOf('POST', '/webhooks/stripe', headers) + 'x'.repeat(600_000))
    await eventually(() => answer().split('HTTP/1.1 503 ').length > times, 'it is refused')
  }
  socket.write(headOf('GET', '/healthz', {}))
  await eventually(() => answer().includes('HTTP/1.1 200 '), 'the next request is answered')
  socket.destroy()
})
