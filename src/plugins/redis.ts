import fp from 'fastify-plugin'
import { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import { createProcessedKeys, type ProcessedKeys } from '../inbox/processed-keys.ts'

declare module 'fastify' {
  interface FastifyInstance {
    processedKeys: ProcessedKeys
  }
}

/** Redis only saves work, so nothing waits for it: no queues, short time-outs, and an error is "not known". */
export const redisPlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    let reportedAt = 0
    const report = (error: Error) => {
      if (Date.now() - reportedAt < 60_000) return
      reportedAt = Date.now()
      app.log.warn({ err: error }, 'redis is away; the inbox alone decides')
    }
    if (config.REDIS_URL === undefined) {
      app.log.warn('REDIS_URL is not set; the inbox alone decides what was seen before')
      app.decorate('processedKeys', createProcessedKeys(undefined, report))
      return
    }
    const redis = new Redis(config.REDIS_URL, {
      connectionName: config.DD_SERVICE,
      connectTimeout: 1_000,
      commandTimeout: 80,
      // Ends a link that does not answer, so that its queue of commands cannot grow.
      socketTimeout: 500,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
    })
    redis.on('error', report)
    app.decorate('processedKeys', createProcessedKeys(redis, report))
    // The first deliveries should find it connected; without it the service starts all the same.
    await new Promise<void>((resolve) => {
      redis.once('ready', resolve)
      setTimeout(resolve, 1_000).unref()
    })
    app.addHook('onClose', async () => redis.disconnect()) // quit() would wait for a server that hangs
  },
  { name: 'redis' },
)
