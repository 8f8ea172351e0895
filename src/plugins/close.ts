import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { DECIDED_WITHIN } from '../inbox/admission/deadline.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the service was told to close. For a moment it still accepts requests that are on their way. */
    draining: () => boolean
    /** Whether it takes no new deliveries any more. */
    closing: () => boolean
    /** How many connections have been accepted so far. */
    acceptedConnections: () => number
  }
}

/**
 * When told to close, the service listens until nothing new has come for this many milliseconds: the kernel holds
 * connections that a busy process has not accepted yet, and requests are on their way.
 */
const QUIET = 100
/**
 * But no longer than this, in milliseconds: under load something always comes, and requests begun before are finished
 * by then.
 */
const LISTEN_ON = 1_000
/**
 * The most milliseconds after that for connections that the kernel still holds: under load there may be hundreds, and
 * Node accepts one per turn of its event loop (libuv since 1.45). Their requests are refused meanwhile, so the turns
 * are short.
 */
const ACCEPT_ON = 2_000
/** Milliseconds after which every earlier request is answered, or has not arrived completely. */
const ANSWERED_WITHIN = DECIDED_WITHIN + 200

/**
 * When told to close, the service says so at `/readyz` but keeps listening for a moment, so that no request is cut off.
 * Then new deliveries are refused until no connection waits any more, requests under way are answered, and every
 * connection is closed. Without that last step `close()` would wait for ever for a sender that is silent or stops
 * half-way.
 */
export const closePlugin = fp(
  async (app) => {
    let underWay = 0
    let lastArrival = 0
    let connections = 0
    const arrival = () => {
      lastArrival = Date.now()
    }
    let draining = false
    let closing = false
    app.decorate('draining', () => draining)
    app.decorate('closing', () => closing)
    app.decorate('acceptedConnections', () => connections)
    app.addHook('onRequest', async (_request, reply) => {
      underWay++
      arrival()
      // Not onResponse: Fastify calls that only for answers, and a sender may vanish before it gets one.
      reply.raw.once('close', () => {
        underWay--
      })
    })
    app.server.on('connection', () => {
      connections++
      arrival()
    })
    /** What has arrived meanwhile is accepted in the next turn of the event loop, read in the one after it. */
    const fewTurns = async () => {
      for (let turns = 0; turns < 3; turns++) await nextTurn()
    }
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (draining) reply.header('connection', 'close')
      done()
    })
    app.addHook('preClose', async () => {
      draining = true
      const askedAt = Date.now()
      lastArrival = askedAt
      do {
        await sleep(20)
        await fewTurns() // a busy process comes late to its timers
      } while (Date.now() < Math.min(lastArrival + QUIET, askedAt + LISTEN_ON))
      closing = true
      const closingAt = Date.now()
      let accepted: number
      do {
        accepted = connections
        await fewTurns()
      } while (connections > accepted && Date.now() < closingAt + ACCEPT_ON)
      const until = closingAt + ANSWERED_WITHIN
      const timer = setInterval(() => {
        if (underWay > 0 && Date.now() < until) return app.server.closeIdleConnections()
        clearInterval(timer)
        app.server.closeAllConnections()
      }, 20)
    })
  },
  { name: 'close' },
)
