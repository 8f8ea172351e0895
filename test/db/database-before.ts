import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { inject } from 'vitest'

const MIGRATIONS = 'migrations'

/** A database as it was before a migration. @param migration the end of its tag */
export const databaseBefore = async (
  migration: string,
): Promise<{ url: string; drop: () => Promise<void> }> => {
  const name = `before_${crypto.randomUUID().replaceAll('-', '')}`
  const owner = new pg.Client({ connectionString: inject('postgresUrl') })
  await owner.connect()
  await owner.query(`create database ${name}`)
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  cpSync(MIGRATIONS, folder, { recursive: true })
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'))
  const last = journal.entries.findIndex(({ tag }: { tag: string }) => tag.endsWith(migration))
  writeFileSync(
    join(folder, 'meta/_journal.json'),
    JSON.stringify({ ...journal, entries: journal.entries.slice(0, last) }),
  )
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  await applyMigrations(drizzle({ client }), { migrationsFolder: folder })
  await client.end()
  rmSync(folder, { recursive: true })
  return {
    url: url.href,
    drop: async () => {
      await owner.query(`drop database if exists ${name} with (force)`)
      await owner.end()
    },
  }
}
