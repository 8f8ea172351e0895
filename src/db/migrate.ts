import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { readDatabaseUrl } from '../config.ts'
import { createQueues } from '../notifications/queues.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))
/** Any number, the same in every copy of this program: two replicas may start at once. */
const MIGRATION_LOCK = 7_261_884

/**
 * Brings a database up to date: RoleFerry's tables, pg-boss's schema, the queues. Repeating it changes nothing.
 *
 * @throws with Postgres's own message when the server is away or a statement fails; nothing of the failed
 * migration is kept.
 */
export const migrate = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'roleferry-migrate' })
  await client.connect()
  try {
    // The runtime migrator takes no lock of its own.
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await applyMigrations(drizzle({ client }), { migrationsFolder: MIGRATIONS })
    const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false, max: 2 })
    boss.on('error', () => {}) // start() and createQueues reject with the same error
    await boss.start()
    try {
      await createQueues(boss)
    } finally {
      await boss.stop({ graceful: false, close: true })
    }
  } finally {
    await client.end()
  }
}

if (import.meta.main) {
  try {
    await migrate(readDatabaseUrl(process.env))
    console.log('The database is up to date.')
  } catch (error) {
    console.error(`Migration failed: ${error instanceof Error ? error.message : String(error)}`)
    console.error('Is DATABASE_URL right, is the server up, and may this role create tables?')
    process.exitCode = 1
  }
}
