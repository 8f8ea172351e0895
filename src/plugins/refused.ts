import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { loggable } from '../logger.ts'
import { createRefusedDeliveries, type RefusedDeliveries } from '../refused/refused.ts'
import { storeDeferred, storeRefused, trimRefused } from '../refused/store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    refused: RefusedDeliveries
  }
}

/** Milliseconds: what comes meanwhile is stored together; after a failure Postgres is left alone a little longer. */
const STORE_AFTER = 500
const TRY_AGAIN_AFTER = 5_000
const TRIM_EVERY = 3_600_000
/** Milliseconds: a Postgres that hangs must not delay the shutdown. */
const CLOSE_WITHIN = 1_000

/** Keeps refused deliveries for an investigation; while Postgres is away, in memory. */
export const refusedPlugin = fp<{ config: Config; clock: () => Date }>(
  async (app, { config, clock }) => {
    const pool = app.database.upkeep
    let timer: NodeJS.Timeout | undefined
    const storeLater = (milliseconds: number): void => {
      timer ??= setTimeout(() => void store(), milliseconds).unref()
    }
    const store = async (): Promise<void> => {
      clearTimeout(timer)
      timer = undefined
      const taken = app.refused.take()
      let deferred = app.refused.deferred.take()
      if (taken.length + deferred.length === 0) return
      try {
        if (deferred.length > 0) await storeDeferred(pool, deferred)
        deferred = []
        if (taken.length > 0) await storeRefused(pool, taken)
      } catch (error) {
        app.refused.deferred.giveBack(deferred)
        app.refused.giveBack(taken)
        storeLater(TRY_AGAIN_AFTER)
        app.log.debug({ reason: loggable(error).message }, 'refused deliveries not stored')
        return
      }
      await trim()
    }
    const trim = (): Promise<void> =>
      trimRefused(pool, clock()).catch((error) => {
        app.log.debug({ reason: loggable(error).message }, 'old refused deliveries not deleted')
      })
    app.decorate(
      'refused',
      createRefusedDeliveries({
        clock,
        maxFuture: config.MAX_FUTURE,
        onKept: () => storeLater(STORE_AFTER),
      }),
    )
    const trimming = setInterval(() => void trim(), TRIM_EVERY).unref()
    app.addHook('onClose', async () => {
      clearInterval(trimming)
      await Promise.race([store(), new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN).unref())])
      clearTimeout(timer)
    })
  },
  { name: 'refused', dependencies: ['database'] },
)
