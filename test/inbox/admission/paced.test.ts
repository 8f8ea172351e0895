import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createPaced } from '../../../src/inbox/admission/paced.ts'

const busy = (milliseconds: number) => {
  for (const until = performance.now() + milliseconds; performance.now() < until; );
}
const tooLate = () => new Error('too late')

let connections = 0
const server = createServer()
server.on('connection', () => connections++)
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

test('what waits too long is refused, also when every request has a connection of its own', async () => {
  const paced = createPaced({ perTurn: 5, maxWait: 300, accepted: () => connections, tooLate })
  server.on('request', (_request, response) => {
    paced(() => busy(8)).then(
      () => response.writeHead(200).end(),
      () => response.writeHead(503).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  // 300 of 8 ms each: the last would wait for 2.4 s.
  const statuses = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
      let answer = ''
      for await (const chunk of socket) answer += chunk
      return answer.slice(9, 12)
    }),
  )
  expect(new Set(statuses)).toEqual(new Set(['200', '503']))
})

test('work is done in the order in which it came, and an error is that work’s own', async () => {
  const paced = createPaced({ perTurn: 1, maxWait: 60_000, accepted: () => 0, tooLate })
  const done: number[] = []
  const all = await Promise.allSettled(
    [0, 1, 2, 3, 4, 5].map((n) =>
      paced(() => {
        busy(1)
        done.push(n)
        if (n === 3) throw new Error('three')
        return n
      }),
    ),
  )
  expect(done).toEqual([0, 1, 2, 3, 4, 5])
  expect(all.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual([
    0,
    1,
    2,
    'Error: three',
    4,
    5,
  ])
})

test('urgent work goes first, whatever waits', async () => {
  const paced = createPaced({ perTurn: 1, maxWait: 60_000, accepted: () => 0, tooLate })
  const done: string[] = []
  const add = (name: string, urgent: boolean) =>
    paced(
      () => {
        busy(1)
        done.push(name)
      },
      { urgent },
    )
  await Promise.all([add('at once', false), add('later', false), add('urgent', true), add('last', false)])
  expect(done).toEqual(['at once', 'urgent', 'later', 'last'])
})
