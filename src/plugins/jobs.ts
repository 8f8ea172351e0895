import fp from 'fastify-plugin'
import { PgBoss } from 'pg-boss'
import type { Config } from '../config.ts'
import { connectionTo } from '../db/connection.ts'
import { MAX_LIFETIME_SECONDS } from '../db/pool.ts'
import type { Transaction } from '../db/transaction.ts'
import { enqueue, type Notification } from '../notifications/queues.ts'
import { workOff } from '../notifications/work.ts'

declare module 'fastify' {
  interface FastifyInstance {
    jobs: {
      boss: PgBoss
      /** Resolves when notifications can be queued; retries for as long as Postgres is away. */
      started: Promise<void>
      enqueue: (tx: Transaction, notifications: Notification[]) => Promise<void>
    }
  }
}

const RETRY_START_AFTER = 1_000
const CLOSE_WITHIN = 2_000

/** The queue of notifications: pg-boss, in the same Postgres, so that effects and requests commit together. */
export const jobsPlugin = fp<{ config: Config; pushToThisMachine: boolean }>(
  async (app, { config, pushToThisMachine }) => {
    const options = {
      ...connectionTo(config.DATABASE_DIRECT_URL ?? config.DATABASE_URL),
      application_name: `${config.DD_SERVICE} jobs`,
      max: 3,
      maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
      // The schema is installed by `npm run db:migrate`; the service's own role needs no DDL.
      migrate: false,
      createSchema: false,
      useListenNotify: true,
      // A session that hangs is found, and LISTEN made again, about as soon as processing finds its own.
      notifyHeartbeatIntervalMs: 2_000,
      notifyHeartbeatTimeoutMs: 2_000,
      monitorIntervalSeconds: 5,
      superviseIntervalSeconds: 5,
      // Passed on to pg: a Postgres that hangs must not hold stop() for as long as it hangs.
      query_timeout: 5_000,
      connectionTimeoutMillis: 3_000,
      statement_timeout: 4_800,
      lock_timeout: 4_000,
    }
    const boss = new PgBoss(options)
    boss.on('error', (error) =>
      app.trouble.report({ err: error }, 'notification queue failed; it tries again by itself'),
    )
    let closing = false

    const start = async (): Promise<void> => {
      while (!closing) {
        try {
          await boss.start()
          await workOff(boss, {
            config,
            metrics: app.metrics,
            log: app.log,
            trouble: app.trouble,
            pool: app.database.process,
            pushToThisMachine,
          })
          return
        } catch (error) {
          app.trouble.report({ err: error }, 'notification queue cannot start yet; it tries again by itself')
          await new Promise((resolve) => setTimeout(resolve, RETRY_START_AFTER))
        }
      }
    }
    app.decorate('jobs', {
      boss,
      started: start(),
      enqueue: (tx, notifications) => enqueue(boss, tx, notifications),
    })
    app.addHook('onClose', async () => {
      closing = true
      await boss.stop({ graceful: true, timeout: CLOSE_WITHIN }).catch((error) => {
        app.log.warn({ err: error }, 'notification queue did not stop cleanly')
      })
    })
  },
  { name: 'jobs', dependencies: ['database', 'metrics', 'trouble'] },
)
