import { hostname } from 'node:os'
import { lt } from 'drizzle-orm'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { queryBuilder } from '../db/query-builder.ts'
import { serviceMarks } from '../db/schema.ts'
import { loggable } from '../logger.ts'

type Noted = typeof serviceMarks.$inferInsert

declare module 'fastify' {
  interface FastifyInstance {
    marks: {
      /** Notes a stretch in which the database was away, once it is back. */
      outage: (from: Date, to: Date) => void
    }
  }
}

const DAYS_KEPT = 90
const CLOSE_WITHIN = 1_000
/** An outage shorter than that is a lost connection, in milliseconds. */
const MIN_OUTAGE = 2_000

/** Notes when the service starts and stops and when its database was away, as marks in the charts. */
export const marksPlugin = fp<{ config: Config; clock: () => Date }>(
  async (app, { config, clock }) => {
    const db = queryBuilder(app.database.upkeep)
    const instance = `${hostname()}:${config.PORT}`
    const note = async (kind: Noted['kind'], at: Date, more: Partial<Noted> = {}): Promise<void> => {
      try {
        await db.insert(serviceMarks).values({ kind, at, instance, ...more })
      } catch (error) {
        app.log.debug({ reason: loggable(error).message }, 'start, stop or outage not noted for the charts')
      }
    }
    app.decorate('marks', {
      outage: (from, to) => {
        if (to.getTime() - from.getTime() >= MIN_OUTAGE) void note('outage', from, { endedAt: to })
      },
    })
    app.addHook('onReady', async () => {
      const now = clock()
      void note('start', now, config.DD_VERSION === undefined ? {} : { detail: config.DD_VERSION })
      const old = new Date(now.getTime() - DAYS_KEPT * 86_400_000)
      void db
        .delete(serviceMarks)
        .where(lt(serviceMarks.at, old))
        .catch(() => {})
    })
    app.addHook('onClose', async () => {
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN).unref())
      await Promise.race([note('stop', clock()), late])
    })
  },
  { name: 'marks', dependencies: ['database'] },
)
