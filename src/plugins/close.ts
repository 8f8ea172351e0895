import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the service is shutting down. */
    closing: () => boolean
  }
}

/** How long requests under way may take to be answered, in milliseconds. */
const DRAIN = 3_000

/**
 * Requests under way are answered, then every connection is closed. Without this, `close()` would wait for ever
 * for a sender that is silent or half done.
 */
export const closePlugin = fp(
  async (app) => {
    let underWay = 0
    let closing = false
    app.decorate('closing', () => closing)
    app.addHook('onRequest', async () => {
      underWay++
    })
    app.addHook('onResponse', async () => {
      underWay--
    })
    app.addHook('onSend', async (_request, reply) => {
      if (closing) reply.header('connection', 'close')
    })
    app.addHook('preClose', async () => {
      closing = true
      const until = Date.now() + DRAIN
      const timer = setInterval(() => {
        if (underWay > 0 && Date.now() < until) return app.server.closeIdleConnections()
        clearInterval(timer)
        app.server.closeAllConnections()
      }, 20)
    })
  },
  { name: 'close' },
)
