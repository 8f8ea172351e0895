import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorCodes, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { arrivalTime, isKeptAfter } from '../inbox/admission/body-guard.ts'
import type { Lateness } from '../inbox/admission/lateness.ts'
import { createLingeringClose } from './lingering-close.ts'

declare module 'fastify' {
  interface FastifyInstance {
    lateness: Lateness
  }
}

/** What is known of a connection: its current request, and the requests that have no answer yet. */
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
    /** What arrives from now on can no longer be split into requests. */
    breakOff: (socket: Socket): void => {
      of(socket).broken = true
    },
    /** Whether more may arrive that no parser reads. */
    isArriving: (socket: Socket): boolean => {
      const { request, broken = false } = of(socket)
      return broken || (request !== undefined && hasBody(request) && !request.complete)
    },
    /** The answers that complete requests are waiting for, in their order. */
    owed: (socket: Socket): ServerResponse[] =>
      [...(connections.get(socket)?.owed ?? [])]
        .filter(([, request]) => request.complete)
        .map(([answer]) => answer),
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** The limits on senders of every route, also of routes that do not exist or read no body. */
export const edgePlugin = fp<{ connections: ReturnType<typeof createConnections>; lateness: Lateness }>(
  async (app, { connections, lateness }) => {
    app.decorate('lateness', lateness)
    app.addHook('onClose', async () => lateness.stop())

    app.server.on('connection', createLingeringClose(connections.isArriving))

    // Before the framework, which answers some requests without calling any hook.
    app.server.prependListener('request', connections.begin)

    app.addHook('onRequest', async (request, reply) => {
      if (hasBody(request.raw)) limitArrival(request.raw, reply.raw, announcedBytes(request), lateness)
      // Before the body is read, since nothing needs it. The console must ask for its password first, so it answers its
      // own 404s.
      if (request.is404 && request.server === app) throw new errorCodes.FST_ERR_NOT_FOUND()
    })

    app.addHook('onSend', (request, reply, _payload, done) => {
      // Node would read the rest however long it takes.
      if (hasBody(request.raw) && !request.raw.complete) {
        const closes = reply.getHeader('connection') === 'close'
        if (!closes && isKeptAfter(reply.statusCode, announcedBytes(request)))
          request.raw.resume() // Node drains only bodies that no parser has started to read
        else reply.header('connection', 'close')
      }
      done()
    })
  },
  { name: 'edge' },
)

/** The announced length of the body, or the most that it may have, in bytes. */
const announcedBytes = ({ headers, routeOptions }: FastifyRequest): number => {
  const { bodyLimit } = routeOptions
  const length = headers['content-length']
  return length === undefined ? bodyLimit : Math.min(Number(length), bodyLimit)
}

/** Ends a body that does not arrive in time: with an error that its parser passes on, or by closing the connection. */
const limitArrival = (
  request: IncomingMessage,
  response: ServerResponse,
  announced: number,
  lateness: Lateness,
): void => {
  const within = arrivalTime(announced) + AFTERWARDS
  const timer = setTimeout(() => {
    if (request.complete) return
    if (response.headersSent) return void request.socket.destroy()
    request.on('error', () => {}) // there may be no other listener
    request.emit('error', lateness.refusal('body', within))
    // A parser answers at once. A route that has not begun to read does not see the error.
    setTimeout(() => request.complete || request.socket.destroy(), AFTERWARDS).unref()
  }, within)
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
}

/**
 * Milliseconds: how much later than the webhooks' own guard this one acts, and how long an answer may take to be
 * written.
 */
const AFTERWARDS = 1_000
