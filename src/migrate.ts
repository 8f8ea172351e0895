import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { readDirectDatabaseUrl, readServicePassword } from './config.ts'
import { connectionTo } from './db/connection.ts'
import { makeDays } from './db/delivery-days.ts'
import { grantService, removeService } from './db/grant.ts'
import { factKey } from './db/index-keys.ts'
import { webhookEvents } from './db/schema.ts'
import { column, toStatement } from './db/statement.ts'
import { untilUnlocked } from './db/until-unlocked.ts'
import { createQueues } from './notifications/queues.ts'
import { scheduleUpkeep } from './upkeep/schedule.ts'

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url))
/** Any number, the same in every copy of this program: two replicas may start at once. */
const MIGRATION_LOCK = 7_261_884
/** Milliseconds. */
const LOCK_POLL_INTERVAL = 200

/** The role that the service connects as, when it is not the owner of the tables. */
interface ServiceRole {
  name: string
  password?: string | undefined
}

/**
 * Brings a database up to date: RoleFerry's tables, pg-boss's schema, the queues and schedules, and the rights of
 * the service's role if one is named. Repeating it changes nothing.
 *
 * @throws with Postgres's own message when the server is away or a statement fails; nothing of the failed
 * migration is kept.
 */
export const migrate = async (databaseUrl: string, role?: ServiceRole): Promise<void> => {
  const client = new pg.Client({ ...connectionTo(databaseUrl), application_name: 'roleferry-migrate' })
  await client.connect()
  try {
    // The runtime migrator takes no lock of its own.
    await takeLock(client)
    await buildFactKey(client)
    await untilUnlocked(() => applyMigrations(drizzle({ client }), { migrationsFolder: MIGRATIONS }))
    await makeDays(client, new Date())
    const boss = new PgBoss({ ...connectionTo(databaseUrl), supervise: false, schedule: false, max: 2 })
    boss.on('error', () => {}) // start() and createQueues reject with the same error
    await boss.start()
    try {
      await createQueues(boss)
      await scheduleUpkeep(boss)
    } finally {
      await boss.stop({ graceful: false, close: true })
    }
    if (role !== undefined) await grantService(client, role.name, role.password)
  } finally {
    await client.end()
  }
}

/**
 * Polls for the lock. A session that waits inside `pg_advisory_lock` holds a snapshot, for which the index build of the
 * lock's holder would wait: a deadlock.
 */
const takeLock = async (client: pg.Client): Promise<void> => {
  for (;;) {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as taken', [MIGRATION_LOCK])
    if (rows[0]?.taken) return
    await sleep(LOCK_POLL_INTERVAL)
  }
}

/**
 * Builds an index concurrently if its table exists: a migration is a transaction and cannot. An index that an interrupted
 * build left invalid is dropped and built again.
 */
const buildFactKey = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ exists: boolean; built: boolean | null }>(`
    select to_regclass('webhook_events') is not null as exists,
           (select indisvalid from pg_index where indexrelid = to_regclass('webhook_events_fact_key')) as built`)
  const [inbox] = rows
  if (inbox === undefined || !inbox.exists || inbox.built === true) return
  if (inbox.built === false) await client.query('drop index concurrently webhook_events_fact_key')
  const key = factKey(column(webhookEvents.provider), column(webhookEvents.dedupeKey))
  await client.query(
    toStatement(sql`create unique index concurrently webhook_events_fact_key on ${webhookEvents} (${key})`),
  )
}

/** Deletes a service's role. @throws {Error} with Postgres's own message */
const remove = async (databaseUrl: string, role: string): Promise<void> => {
  const client = new pg.Client({ ...connectionTo(databaseUrl), application_name: 'roleferry-migrate' })
  await client.connect()
  try {
    await removeService(client, role)
  } finally {
    await client.end()
  }
}

const run = async (): Promise<void> => {
  const { values } = parseArgs({ options: { grant: { type: 'string' }, revoke: { type: 'string' } } })
  const { grant, revoke } = values
  const databaseUrl = readDirectDatabaseUrl(process.env)
  if (revoke !== undefined) {
    await remove(databaseUrl, revoke)
    console.log(`The role ${revoke} is deleted.`)
    return
  }
  const password = readServicePassword(process.env)
  await migrate(databaseUrl, grant === undefined ? undefined : { name: grant, password })
  console.log('The database is up to date.')
  if (grant !== undefined) console.log(`The role ${grant} has the rights that the service needs.`)
}

if (import.meta.main) {
  await run().catch((error) => {
    console.error(`Migration failed: ${error instanceof Error ? error.message : String(error)}`)
    console.error('Is DATABASE_URL right, is the server up, and may this role create tables (and roles)?')
    process.exitCode = 1
  })
}
