import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate } from '../../src/migrate.ts'
import { databaseBefore } from './database-before.ts'

let database: Awaited<ReturnType<typeof databaseBefore>>
let client: pg.Client
beforeEach(async () => {
  database = await databaseBefore('_fact_key')
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(`
    insert into webhook_events (provider, event_id, dedupe_key, event_type, status)
    select 'sendgrid', n::text, encode(sha256(n::text::bytea), 'hex'), 'click', 'processed' from generate_series(1, 500) n`)
})
afterEach(async () => {
  await client.end()
  await database.drop()
})

const uniqueKeys = async () => {
  const { rows } = await client.query(`
    select indexrelid::regclass::text as name, indisvalid as valid from pg_index
    where indrelid = 'webhook_events'::regclass and indisunique and not indisprimary order by 1`)
  return rows
}
const BOTH = [
  { name: 'webhook_events_fact_key', valid: true },
  { name: 'webhook_events_provider_event_id_key', valid: true },
]
const refused = async () =>
  await client
    .query(
      `insert into webhook_events (provider, event_id, dedupe_key)
       select provider, 'another id', dedupe_key from webhook_events where event_id = '7'`,
    )
    .catch((error) => error.constraint)

test('a fact stays unique in a filled inbox when two processes migrate at once', async () => {
  await Promise.all([migrate(database.url), migrate(database.url)])
  expect(await uniqueKeys()).toEqual(BOTH)
  expect(await refused()).toBe('webhook_events_fact_key')
})

test('an index whose build was interrupted is built again', async () => {
  await client.query('create unique index webhook_events_fact_key on webhook_events (id)')
  await client.query(
    `update pg_index set indisvalid = false where indexrelid = 'webhook_events_fact_key'::regclass`,
  )
  await migrate(database.url)
  expect(await uniqueKeys()).toEqual(BOTH)
  expect(await refused()).toBe('webhook_events_fact_key')
})

test('the migration waits for a long read, and other reads do not queue behind it', async () => {
  const reader = new pg.Client({ connectionString: database.url })
  await reader.connect()
  try {
    await reader.query('begin')
    await reader.query('select count(*) from webhook_events')
    const migrating = migrate(database.url)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    // A statement behind an exclusive lock that is waited for would wait as long as the reader reads.
    await client.query(`set statement_timeout = '5s'`)
    await client.query('select count(*) from webhook_events')
    await reader.query('commit')
    await migrating
    expect(await uniqueKeys()).toEqual(BOTH)
  } finally {
    await reader.end()
  }
})
