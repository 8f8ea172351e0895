import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { providers } from '../../src/providers/index.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import { createDeliveries } from './deliveries.ts'
import type { FromGenerator, Plan, Sent, ToGenerator } from './plan.ts'

// The load generator, a process of its own. Requests are built and signed beforehand, and written to raw sockets as
// they are: so sending takes almost no CPU, and the cores are left to what is measured.

const deliveries = createDeliveries(JSON.parse(process.argv[2] ?? ''))
const tell = (message: FromGenerator) => process.send?.(message)

const toHttp = (path: string, { headers, body }: SignedRequest): Buffer => {
  const lines = Object.entries({ host: 'localhost', ...headers, 'content-length': String(body.length) })
  return Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    ),
    body,
  ])
}

/** Kept, where the signature lives long enough: every contestant gets the same bytes. */
const kept = new Map<string, Buffer[]>()

const prepare = (plan: Plan): Buffer[] => {
  const { provider, firstEvent, eventsPerDelivery } = plan
  const key = `${provider} ${firstEvent} ${eventsPerDelivery}`
  const requests = (provider === 'stripe' ? undefined : kept.get(key)) ?? []
  kept.set(key, requests)
  const at = new Date()
  for (let i = requests.length; i < plan.deliveries; i++) {
    const first = firstEvent + i * eventsPerDelivery
    requests.push(toHttp(providers[provider].path, deliveries[provider](first, eventsPerDelivery, at)))
  }
  return requests
}

const now = () => performance.timeOrigin + performance.now()

interface Connection {
  socket: Socket
  /** The delivery under way on it. */
  delivery: number
  answer: string
}

const run = async (plan: Plan, requests: Buffer[]): Promise<Sent> => {
  const sentAt = new Float64Array(plan.deliveries)
  const answeredAt = new Float64Array(plan.deliveries)
  const refused: Record<string, number> = {}
  const until = now() + plan.within
  let begun = 0
  let ended = 0
  let over = false
  const { promise: finished, resolve: finish, reject: fail } = Promise.withResolvers<void>()
  const idle: Connection[] = []
  /** Due, but no connection was free. */
  const due: number[] = []

  const send = (connection: Connection, delivery: number) => {
    connection.delivery = delivery
    connection.answer = ''
    connection.socket.write(requests[delivery] as Buffer)
  }
  const next = (connection: Connection) => {
    const waiting = due.shift()
    if (waiting !== undefined) send(connection, waiting)
    else if (plan.rate === undefined && begun < plan.deliveries && now() < until) {
      sentAt[begun] = now()
      send(connection, begun++)
    } else idle.push(connection)
  }
  const finishWhenDone = () => {
    if (ended === begun && (begun === plan.deliveries || now() >= until)) finish()
  }
  const read = (connection: Connection, chunk: string) => {
    connection.answer += chunk
    const { answer } = connection
    const bodyAt = answer.indexOf('\r\n\r\n')
    if (bodyAt < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? 0)
    if (answer.length < bodyAt + 4 + length) return
    const status = answer.slice(9, 12)
    if (status === '200') answeredAt[connection.delivery] = now()
    else refused[status] = (refused[status] ?? 0) + 1
    ended++
    next(connection)
    finishWhenDone()
  }

  const connections = await Promise.all(
    Array.from({ length: plan.connections }, (_, i): Promise<Connection> => {
      const socket = connect({
        port: plan.ports[i % plan.ports.length] as number,
        host: '127.0.0.1',
        noDelay: true,
      })
      const connection = { socket, delivery: -1, answer: '' }
      socket.setEncoding('latin1').on('data', (chunk) => read(connection, String(chunk)))
      return new Promise((resolve, reject) => {
        socket.once('connect', () => resolve(connection)).on('error', reject)
        socket.once('close', () => {
          if (!over) fail(new Error('the service closed a connection'))
        })
      })
    }),
  )
  const cpuBefore = process.cpuUsage()
  const busyBefore = performance.eventLoopUtilization()
  const progress = setInterval(() => tell({ type: 'progress', answered: ended }), 500)
  let ticks: NodeJS.Timeout | undefined
  if (plan.rate === undefined) for (const connection of connections) next(connection)
  else {
    idle.push(...connections)
    const perMillisecond = plan.rate / 1_000
    let nextAt = now()
    ticks = setInterval(() => {
      for (; begun < plan.deliveries && nextAt <= now(); begun++) {
        // Waiting for a free connection counts, since the service causes it.
        sentAt[begun] = now()
        const connection = idle.shift() // in turn, since an idle connection is closed after a while
        if (connection === undefined) due.push(begun)
        else send(connection, begun)
        nextAt += -Math.log(1 - Math.random()) / perMillisecond
      }
    }, 1)
  }
  const timer = setTimeout(finishWhenDone, plan.within + 10)
  await finished
  clearTimeout(timer)
  clearInterval(ticks)
  clearInterval(progress)
  const cpu = process.cpuUsage(cpuBefore)
  const { utilization } = performance.eventLoopUtilization(busyBefore)
  over = true
  for (const { socket } of connections) socket.destroy()
  return {
    sentAt: sentAt.subarray(0, begun),
    answeredAt: answeredAt.subarray(0, begun),
    refused,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    busy: utilization,
  }
}

let prepared: Buffer[] = []
process.on('message', ({ type, plan }: ToGenerator) => {
  if (type === 'prepare') {
    prepared = prepare(plan)
    tell({ type: 'prepared' })
  } else {
    void run(plan, prepared).then((sent) => tell({ type: 'sent', sent }))
  }
})
process.on('disconnect', () => process.exit(0))
