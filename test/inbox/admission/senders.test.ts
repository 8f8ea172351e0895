import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { multipart, urlencoded } from '../../../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../../../src/simulators/signed-request.ts'
import { post } from '../../provider-contract.ts'
import { PATH as MAILGUN, mail, mailgunEnv, signature } from '../../providers/mailgun/deliveries.ts'
import {
  bodyOf,
  deliver,
  event,
  seedOutreach,
  signed,
  startSendgrid,
} from '../../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../../service.ts'

// Senders that mean no good, or have a bad line. `X-Forwarded-For` gives each an address of its own.

let service: Service
const sockets: Socket[] = []
beforeAll(async () => {
  service = await startSendgrid({ TRUST_PROXY: 'true', ...mailgunEnv })
  await seedOutreach(service, 1)
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await service.stop()
})

const MIB = 1024 * 1024

/** A connection, and what it was answered so far. */
interface Connection {
  socket: Socket
  answer: () => string
  closed: Promise<void>
}

const open = async (): Promise<Connection> => {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  sockets.push(socket)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, answer: () => text, closed }
}

/** Keeps the event loop busy for `time` milliseconds. The service runs in the same process as this test. */
const saturate = async (time: number) => {
  for (const until = performance.now() + time; performance.now() < until; await nextTurn()) {
    for (const pause = performance.now() + 300; performance.now() < pause; );
  }
}

/** Begins a delivery that announces a length and sends only part of it. */
const begin = async (
  path: string,
  address: string,
  headers: Record<string, string>,
  { announced, sent }: { announced: number; sent: Buffer },
) => {
  const connection = await open()
  const all = { host: 'x', 'content-length': announced, ...headers, 'x-forwarded-for': address }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  connection.socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  connection.socket.write(sent)
  return connection
}

/** Begins a delivery whose signature headers are there but forged, and sends so much of its body. */
const beginForged = (address: string, bytes: number) =>
  begin('/webhooks/sendgrid', address, signed('[]', { key: 'wrong' }).headers, {
    announced: Math.ceil(bytes) + 1_000,
    sent: Buffer.alloc(bytes, '['),
  })

/** Whether it was turned away; the answer may be lost when the connection is reset while the body is still sent. */
const refused = ({ socket, answer }: Connection) => socket.destroyed || answer().startsWith('HTTP/1.1 503')

/** Ends connections and waits until what they held is free again. */
const letGo = async (connections: Connection[]) => {
  for (const { socket } of connections) socket.destroy()
  const largest = bodyOf([event('click', { padding: 'x'.repeat(4.5 * MIB) })])
  await eventually(
    async () => ((await deliverFrom('203.0.113.9', largest)).status === 200 ? true : undefined),
    'there is room for a large delivery',
  )
}

const postFrom = (address: string, path: string, { headers, body }: SignedRequest) =>
  post(service, path, { headers: { ...headers, 'x-forwarded-for': address }, body })

const deliverFrom = (address: string, body: string) => postFrom(address, '/webhooks/sendgrid', signed(body))

test('forged bodies that never end leave room for senders that are known, whatever their number', async () => {
  const provider = '192.0.2.1'
  expect(await deliverFrom(provider, bodyOf([event('click')]))).toMatchObject({ status: 200 })
  const stalled: Connection[] = []
  for (let n = 0; n < 40; n++) stalled.push(await beginForged(`198.51.100.${n}`, 4.5 * MIB))
  for (let n = 0; n < 40; n++) stalled.push(await beginForged(`198.51.100.${n}`, 0.1 * MIB))
  await eventually(
    () => stalled.filter(refused).length >= 50 || undefined,
    'most of them are refused: the strangers’ part is full',
  )
  const largest = bodyOf([event('click', { padding: 'x'.repeat(4.5 * MIB) })])
  expect(await deliverFrom(provider, largest)).toMatchObject({ status: 200, body: { accepted: 1 } })
  // A stranger's valid delivery is refused now with 503, so that it comes back.
  const small = bodyOf([event('click', { padding: 'x'.repeat(200_000) })])
  const answer = await deliverFrom('203.0.113.9', small)
  expect(answer).toMatchObject({ status: 503, body: { code: 'WEBHOOK_OVERLOADED' } })
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  await letGo(stalled)
})

test('one address cannot take the part of the others that are not known', async () => {
  const stalled: Connection[] = []
  for (let n = 0; n < 10; n++) stalled.push(await beginForged('198.51.100.200', 4.5 * MIB))
  await eventually(() => stalled.filter(refused).length >= 8 || undefined, 'most of them are refused')
  expect(await deliverFrom('203.0.113.77', bodyOf([event('click')]))).toMatchObject({ status: 200 })
  await letGo(stalled)
})

test('a refused sender has its connection closed, an accepted one keeps it', async () => {
  const { headers, body } = signed(bodyOf([event('click')]), { key: 'wrong' })
  const forged = await post(service, '/webhooks/sendgrid', { headers, body })
  expect(forged).toMatchObject({ status: 401 })
  expect(forged.headers.get('connection')).toBe('close')
  expect((await fetch(`${service.url}/nowhere`)).headers.get('connection')).toBe('close')
  expect((await deliver(service, event('click'))).headers.get('connection')).toBe('keep-alive')
})

test('the first delivery of a sender may be as large as any other, once it is verified', async () => {
  const events = Array.from({ length: 12_000 }, () => event('open', { pad: 'x'.repeat(200) }))
  expect(await deliverFrom('203.0.113.88', bodyOf(events))).toMatchObject({
    status: 200,
    body: { accepted: 12_000 },
  })
})

test('few of Mailgun’s large bodies are read at once, more get 503, and small mail still gets in', async () => {
  const mailgun = '192.0.2.2'
  const plain = (...more: [string, string][]) => urlencoded([...mail(), ...more, ...signature()])
  const html = (bytes: number): [string, string] => ['body-html', 'x'.repeat(bytes)]
  expect(await postFrom(mailgun, MAILGUN, plain())).toMatchObject({ status: 200 })
  /** Unsigned so far: a multipart body is read before it can be verified, an urlencoded one as well. */
  const beginLarge = (address: string, n: number) => {
    const form = n % 2 === 0
    const head = form ? '--b\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n' : 'body-html='
    const type = form ? 'multipart/form-data; boundary=b' : 'application/x-www-form-urlencoded'
    return begin(
      MAILGUN,
      address,
      { 'content-type': type },
      {
        announced: (form ? 40 : 8) * MIB,
        sent: Buffer.concat([Buffer.from(head), Buffer.alloc(7.9 * MIB, 'x')]),
      },
    )
  }
  const stalled: Connection[] = []
  for (let n = 0; n < 12; n++) stalled.push(await beginLarge(`198.51.100.${n}`, n))
  await eventually(() => stalled.filter(refused).length >= 10 || undefined, 'most of them are refused')
  let n = 0
  const stranger = () => `203.0.113.${++n}`
  const answer = await eventually(async () => {
    const given = await postFrom(stranger(), MAILGUN, plain(html(500_000)))
    if (given.status === 503) return given
    stalled.push(await beginLarge(stranger(), n)) // there is room for one more
    return undefined
  }, 'the strangers’ part is full')
  expect(answer.body).toMatchObject({ code: 'WEBHOOK_OVERLOADED' })
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  await eventually(
    async () => (await postFrom(stranger(), MAILGUN, plain())).status === 200 || undefined,
    'a small mail of a stranger is taken',
  )
  // Mailgun itself has the other half.
  const attachment = { field: 'a', name: 'a', type: 'x/y', content: Buffer.alloc(30 * MIB) }
  expect(await postFrom(mailgun, MAILGUN, plain(html(7 * MIB)))).toMatchObject({ status: 200 })
  expect(
    await postFrom(mailgun, MAILGUN, multipart([...mail(), ...signature()], [attachment])),
  ).toMatchObject({ status: 200 })
  const own: Connection[] = []
  for (let n = 0; n < 6; n++) own.push(await beginLarge(mailgun, n))
  await eventually(() => own.filter(refused).length >= 4 || undefined, 'two of its own are read, not more')
  await eventually(
    async () => (await postFrom(mailgun, MAILGUN, plain())).status === 200 || undefined,
    'a small mail of Mailgun is taken',
  )
  for (const { socket } of [...stalled, ...own]) socket.destroy()
  await eventually(
    async () => (await postFrom(stranger(), MAILGUN, plain(html(7 * MIB)))).status === 200 || undefined,
    'there is room for a large mail again',
  )
}, 60_000)

test('the rest of a refused body takes no memory when it arrives', async () => {
  const address = '198.51.100.210'
  const parts = '--b\r\n\r\n\r\n'.repeat(200_000) // of which the first 10,000 are read
  for (let n = 0; n < 5; n++) {
    const answer = await postFrom(address, MAILGUN, {
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: Buffer.from(parts),
    })
    expect(answer.status).toBe(413)
  }
  const attachment = { field: 'a', name: 'a', type: 'x/y', content: Buffer.alloc(9 * MIB) }
  const large = multipart([...mail(), ...signature()], [attachment])
  expect(await postFrom(address, MAILGUN, large)).toMatchObject({ status: 200 })
})

test('dribbled headers and dribbled bodies are cut off with 408, and meanwhile others are served', async () => {
  await sleep(4_500) // the tests before kept the service busy, and then it is to blame
  const headers = await open()
  headers.socket.write('POST /webhooks/sendgrid HTTP/1.1\r\nhost: x\r\n')
  const body = await beginForged('198.51.100.201', 1)
  const silent = await open()
  const dribble = setInterval(() => {
    headers.socket.write('x')
    body.socket.write('[')
  }, 300)
  try {
    expect((await deliver(service, event('click'))).status).toBe(200)
    await Promise.all([headers.closed, body.closed, silent.closed])
  } finally {
    clearInterval(dribble)
  }
  expect(headers.answer()).toMatch(/^HTTP\/1.1 408 /)
  expect(headers.answer()).toContain('"code":"WEBHOOK_MALFORMED"')
  expect(body.answer()).toMatch(/^HTTP\/1.1 408 /)
  expect(body.answer().toLowerCase()).toContain('connection: close')
}, 60_000)

test('what does not arrive in time while the service itself is saturated gets 503, not 408', async () => {
  const headers = await open()
  headers.socket.write('POST /webhooks/sendgrid HTTP/1.1\r\nhost: x\r\n')
  const body = await beginForged('198.51.100.202', 1)
  const silent = await open()
  await saturate(4_000)
  await Promise.all([headers.closed, body.closed, silent.closed])
  for (const { answer } of [headers, body, silent]) {
    expect(answer()).toMatch(/^HTTP\/1.1 503 /)
    expect(answer()).toContain('"code":"WEBHOOK_OVERLOADED"')
    expect(answer().toLowerCase()).toMatch(/\r\nretry-after: [1-9]/)
    expect(answer().toLowerCase()).toContain('connection: close')
  }
  // Once it is idle again, it is the sender's fault.
  const late = await open()
  late.socket.write('POST')
  await late.closed
  expect(late.answer()).toMatch(/^HTTP\/1.1 408 /)
}, 60_000)

test('a sender that vanishes after its body was read has its events stored all the same', async () => {
  const before = await service.rows('select from webhook_events')
  const request = signed(bodyOf([event('click')]))
  const { socket } = await open()
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(
    `POST /webhooks/sendgrid HTTP/1.1\r\nhost: x\r\ncontent-length: ${request.body.length}\r\n${lines.join('')}\r\n`,
  )
  socket.write(request.body, () => socket.destroy())
  await eventually(
    async () => (await service.rows('select from webhook_events')).length === before.length + 1 || undefined,
    'it is stored',
  )
})

test.each([
  ['no HTTP at all', 'EHLO mail.example\r\n\r\n', 400, 'WEBHOOK_MALFORMED'],
  [
    'a length and chunks at once',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'WEBHOOK_MALFORMED',
  ],
  [
    'too long headers',
    `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
    431,
    'WEBHOOK_TOO_LARGE',
  ],
])(
  '%s is answered in the shape of every other error, and the connection is closed',
  async (_what, sent, statusCode, code) => {
    const connection = await open()
    connection.socket.write(sent)
    await connection.closed
    const [head = '', body = ''] = connection.answer().split('\r\n\r\n')
    expect(head).toContain(`HTTP/1.1 ${statusCode} `)
    expect(Object.keys(JSON.parse(body))).toEqual(['statusCode', 'code', 'error', 'message'])
    expect(JSON.parse(body)).toMatchObject({ statusCode, code })
  },
)
