import fp from 'fastify-plugin'
import type { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import { loggable } from '../logger.ts'
import { createProcessedKeys, noProcessedKeys, type ProcessedKeys } from '../processed-keys/processed-keys.ts'
import { openRedis } from '../redis/connection.ts'

declare module 'fastify' {
  interface FastifyInstance {
    processedKeys: ProcessedKeys
  }
}

/**
 * Milliseconds between two checks that the keys in Redis belong to this inbox, and between tries while a check fails.
 */
const CHECK_EVERY = 60_000
const CHECK_AGAIN_AFTER = 1_000
/** Milliseconds that the start waits for Redis. */
const START_WITHIN = 1_000

const LIMITS = { connectTimeout: 1_000, commandTimeout: 80, socketTimeout: 500 }

const OF_CLUSTER = /^(MOVED|CROSSSLOT) /
const AWAY = 'redis is away; the inbox alone decides'
const IS_CLUSTER =
  'this redis is a cluster: REDIS_URL has to begin with redis+cluster://; the inbox alone decides'

/** Redis only saves work, so nothing waits for it: no queues, short time-outs, and an error counts as "not known". */
export const redisPlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    let starting = true
    let failure: Error | undefined
    const report = (error: Error): void => {
      failure = error
      // A cluster answers like this while its slots move.
      const misnamed = !redis.isCluster && OF_CLUSTER.test(error.message)
      if (!starting) app.trouble.report({ err: error }, misnamed ? IS_CLUSTER : AWAY)
    }
    if (config.REDIS_URL === undefined) {
      app.log.warn('REDIS_URL is not set; the inbox alone decides what was seen before')
      app.decorate('processedKeys', noProcessedKeys)
      return
    }
    const redis = openRedis(config.REDIS_URL, config.DD_SERVICE, LIMITS)
    redis.on('error', report)
    redis.on('node error', report)
    const keys = createProcessedKeys(redis, report)
    app.decorate('processedKeys', keys)

    // Restoring Postgres or Redis from a backup breaks our connections: new ones are not trusted before a check.
    let timer: NodeJS.Timeout | undefined
    let checking = Promise.resolve()
    const check = (): void => {
      clearTimeout(timer)
      checking = checking.then(async () => {
        clearTimeout(timer)
        try {
          const dropped = await keys.check(app.database.upkeep)
          if (dropped > 0) app.log.warn({ dropped }, 'redis held keys of another inbox: deleted them')
        } catch (error) {
          app.log.debug({ reason: loggable(error).message }, 'redis could not be checked')
        }
        if (!app.closing()) {
          timer = setTimeout(check, keys.trusted() ? CHECK_EVERY : CHECK_AGAIN_AFTER).unref()
        }
      })
    }
    const checkAnew = (): void => {
      keys.distrust()
      check()
    }
    redis.on('ready', checkAnew)
    // A cluster is ready once; what comes and goes later are its nodes.
    redis.on('+node', (node: Redis) => node.once('ready', checkAnew))
    for (const pool of [app.database.accept, app.database.process]) pool.on('connect', checkAnew)
    // The first deliveries should find it connected, but the service also starts without it.
    await new Promise<void>((resolve) => {
      redis.once('ready', resolve)
      setTimeout(resolve, START_WITHIN).unref()
    })
    // On a busy machine the first tries may exceed the short time-outs.
    starting = false
    if (redis.status !== 'ready' && failure !== undefined) report(failure)
    app.addHook('onClose', async () => {
      clearTimeout(timer)
      redis.disconnect() // quit() would wait for a server that hangs
    })
  },
  { name: 'redis', dependencies: ['close', 'database', 'trouble'] },
)
