import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { test as base, inject } from 'vitest'
import { SERVICE_ROLE, TEMPLATE } from './template.ts'

const asOwner = async (sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The same database, as the service's role. */
export const asService = (databaseUrl: string): string =>
  databaseUrl.replace('postgres://postgres:', `postgres://${SERVICE_ROLE}:`)

/** A migrated, empty database of one's own; the URL is its owner's. */
export const cloneDatabase = async (): Promise<{ url: string; drop: () => Promise<void> }> => {
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  for (let tries = 1; ; tries++) {
    try {
      await asOwner(`create database ${name} template ${TEMPLATE} strategy wal_log`)
      break
    } catch (error) {
      // The template is in use: by another clone, or by the migration's last session going away.
      if ((error as { code?: string }).code !== '55006' || tries === 50) throw error
      await sleep(50)
    }
  }
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asOwner(`drop database if exists ${name} with (force)`) }
}

/** With a `pool` of the owner on a migrated, empty database of the test's own, for the tests that ask for it. */
export const test = base.extend<{ pool: pg.Pool }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what a fixture needs
  pool: async ({}, use) => {
    const database = await cloneDatabase()
    const pool = new pg.Pool({ connectionString: database.url })
    // The database is dropped below it.
    pool.on('connect', (client) => client.on('error', () => {}))
    pool.on('error', () => {})
    await use(pool)
    await pool.end()
    await database.drop()
  },
})
