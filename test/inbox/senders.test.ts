import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { post } from '../provider-contract.ts'
import {
  bodyOf,
  deliver,
  event,
  seedOutreach,
  signed,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'

// Senders that mean no good, or have a bad line. `X-Forwarded-For` gives each an address of its own.

let service: Service
const sockets: Socket[] = []
beforeAll(async () => {
  service = await startSendgrid({ TRUST_PROXY: 'true' })
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

/** Begins a delivery whose signature headers are there but forged, and sends so much of its body. */
const beginForged = async (address: string, bytes: number) => {
  const connection = await open()
  const headers = { ...signed('[]', { key: 'wrong' }).headers, 'x-forwarded-for': address }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  connection.socket.write(
    `POST /webhooks/sendgrid HTTP/1.1\r\nhost: x\r\ncontent-length: ${Math.ceil(bytes) + 1_000}\r\n${lines.join('')}\r\n`,
  )
  connection.socket.write(Buffer.alloc(bytes, '['))
  return connection
}

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

const deliverFrom = (address: string, body: string) => {
  const { headers, body: bytes } = signed(body)
  return post(service, '/webhooks/sendgrid', {
    headers: { ...headers, 'x-forwarded-for': address },
    body: bytes,
  })
}

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

test('the first delivery of a sender may be as large as any other, once it is verified', async () => {
  const events = Array.from({ length: 12_000 }, () => event('open', { pad: 'x'.repeat(200) }))
  expect(await deliverFrom('203.0.113.88', bodyOf(events))).toMatchObject({
    status: 200,
    body: { accepted: 12_000 },
  })
})

test('dribbled headers and dribbled bodies are cut off with 408, and meanwhile others are served', async () => {
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
  expect(body.answer()).toMatch(/^HTTP\/1.1 408 /)
  expect(body.answer().toLowerCase()).toContain('connection: close')
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
