import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { DECIDED_WITHIN } from '../src/inbox/admission/deadline.ts'
import { closePlugin } from '../src/plugins/close.ts'

const CONNECTIONS = 110
/** Milliseconds of work per request: all of them together take longer than the service listens on for arrivals. */
const WORK = 11

test('connections that wait to be accepted when the service is told to stop are answered too', async () => {
  const app = Fastify({ return503OnClosing: false })
  await app.register(closePlugin)
  app.get('/', () => {
    if (app.closing()) return 'refused' // as the webhooks' routes do
    for (const until = performance.now() + WORK; performance.now() < until; );
    return 'done'
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const answers = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1')
      let answer = ''
      socket.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk
      })
      const ended = new Promise<string>((resolve) => {
        socket.on('error', (error) => resolve(error.message)).on('close', () => resolve(answer.slice(0, 12)))
      })
      await once(socket, 'connect')
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
      return { ended }
    }),
  )
  await app.close()
  const statuses = await Promise.all(answers.map(({ ended }) => ended))
  expect(statuses).toEqual(Array(CONNECTIONS).fill('HTTP/1.1 200'))
})

test('a delivery that takes as long as one may is answered although the service was told to stop', async () => {
  const app = Fastify({ return503OnClosing: false })
  await app.register(closePlugin)
  const begun = Promise.withResolvers<void>()
  app.get('/', async () => {
    begun.resolve()
    await sleep(DECIDED_WITHIN)
    return 'done'
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const answer = fetch(url)
  await begun.promise
  await app.close()
  expect((await answer).status).toBe(200)
})
