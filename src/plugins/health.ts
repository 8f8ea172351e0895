import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import fp from 'fastify-plugin'
import { isRefusedByPooler } from '../db/session-settings.ts'
import { SETTINGS_REFUSED } from './database.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))

/**
 * `/healthz`: the process runs. `/readyz`: it can accept, or the reason why not.
 */
export const healthPlugin = fp(
  async (app) => {
    const newest = Math.max(
      ...readMigrationFiles({ migrationsFolder: MIGRATIONS }).map((migration) => migration.folderMillis),
    )

    /** Undefined when deliveries can be accepted. */
    const obstacle = async (): Promise<string | undefined> => {
      if (app.draining()) return 'shutting down'
      try {
        const { rows } = await app.database.accept.query(
          `select max(created_at)::text as newest, current_setting('transaction_read_only') = 'on' as read_only
           from drizzle.__drizzle_migrations`,
        )
        if (rows[0]?.read_only) {
          app.endSessions(performance.now()) // the next ones may be on a server that takes writes
          return 'this Postgres takes no writes: it is a standby, or read-only'
        }
        if (Number(rows[0]?.newest ?? 0) < newest) return 'migrations are not applied: run npm run db:migrate'
        return undefined
      } catch (error) {
        const { code } = error as { code?: string }
        if (code === '42P01' || code === '3F000') return 'migrations are not applied: run npm run db:migrate'
        if (code === '42501')
          return 'this role lacks rights on the tables: run npm run db:migrate -- --grant with its name'
        if (isRefusedByPooler(error)) return SETTINGS_REFUSED
        return 'Postgres does not answer'
      }
    }

    /** Anybody may ask as often as they like, so only one check runs at a time and deliveries never queue behind it. */
    let looking: Promise<string | undefined> | undefined
    const look = (): Promise<string | undefined> => {
      looking ??= obstacle().finally(() => {
        looking = undefined
      })
      return looking
    }

    app.get('/healthz', async () => ({ status: 'ok' }))
    app.get('/readyz', async (_request, reply) => {
      const reason = await look()
      if (reason === undefined) return { status: 'ready' }
      return reply.code(503).header('retry-after', '5').send({ status: 'unavailable', reason })
    })
  },
  { name: 'health', dependencies: ['database', 'close'] },
)
