import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorCodes, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { arrivalTime } from '../inbox/admission/body-guard.ts'
import { Refusal } from '../inbox/admission/refusal.ts'
import { createLingeringClose } from './lingering-close.ts'

/** Bytes of a body that are read and dropped after a 503 on a connection that is kept, at most. */
const DROPPED_MOST = 1024 * 1024

/** What is known of a connection: its request under way, and the answers that it is owed. */
interface Connection {
  request?: IncomingMessage
  broken?: boolean
  owed: Map<ServerResponse, IncomingMessage>
}

/** The requests of every connection. */
export const createConnections = () => {
  const connections = new WeakMap<Socket, Connection>()
  const of = (socket: Socket): Connection => {
    const known = connections.get(socket) ?? { owed: new Map() }
    connections.set(socket, known)
    return known
  }
  return {
    begin: (request: IncomingMessage, response: ServerResponse): void => {
      const connection = of(request.socket)
      connection.request = request
      connection.owed.set(response, request)
      response.once('close', () => connection.owed.delete(response))
    },
    /** Nobody knows where what comes now begins or ends. */
    breakOff: (socket: Socket): void => {
      of(socket).broken = true
    },
    /** Whether more may come that is not read. */
    isArriving: (socket: Socket): boolean => {
      const { request, broken = false } = of(socket)
      return broken || (request !== undefined && hasBody(request) && !request.complete)
    },
    /** The answers to requests that have arrived whole, in their order. */
    owed: (socket: Socket): ServerResponse[] =>
      [...(connections.get(socket)?.owed ?? [])]
        .filter(([, request]) => request.complete)
        .map(([answer]) => answer),
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** The limits on senders that hold for every route, whether it exists or not, and whether it reads a body or not. */
export const edgePlugin = fp<{ connections: ReturnType<typeof createConnections> }>(
  async (app, { connections }) => {
    app.server.on('connection', createLingeringClose(connections.isArriving))

    // Before the framework, which answers some requests without calling a hook.
    app.server.prependListener('request', connections.begin)

    app.addHook('onRequest', async (request, reply) => {
      if (hasBody(request.raw)) limitArrival(request.raw, reply.raw, announcedBytes(request))
      // Before its body is read: nobody wants it. The console asks for its password first.
      if (request.is404 && request.server === app) throw new errorCodes.FST_ERR_NOT_FOUND()
    })

    app.addHook('onSend', (request, reply, _payload, done) => {
      // Node would read the rest for as long as it takes. Who is to come back may keep its connection, if little is left.
      const small = reply.statusCode === 503 && announcedBytes(request) <= DROPPED_MOST
      if (hasBody(request.raw) && !request.raw.complete && !small) reply.header('connection', 'close')
      done()
    })
  },
  { name: 'edge' },
)

/** How long the body is, or may be, in bytes. */
const announcedBytes = ({ headers, routeOptions }: FastifyRequest): number => {
  const { bodyLimit } = routeOptions
  const length = headers['content-length']
  return length === undefined ? bodyLimit : Math.min(Number(length), bodyLimit)
}

/** Ends a body that does not arrive in time with an error that its parser passes on, else with its connection. */
const limitArrival = (request: IncomingMessage, response: ServerResponse, announced: number): void => {
  const timer = setTimeout(() => {
    if (request.complete) return
    if (response.headersSent) return void request.socket.destroy()
    request.on('error', () => {}) // nobody may be listening
    request.emit('error', new Refusal('malformed', 'The body did not arrive in time', { statusCode: 408 }))
    // A parser answers at once; who has not read anything yet does not learn of it.
    setTimeout(() => request.complete || request.socket.destroy(), AFTERWARDS).unref()
  }, arrivalTime(announced) + AFTERWARDS)
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
}

/** Milliseconds: after the time in which the webhooks' own guard ends a body, and for an answer to be written. */
const AFTERWARDS = 1_000
