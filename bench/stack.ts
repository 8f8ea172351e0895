import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { type Stack, startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import { SEED_SQL } from './events.ts'

/**
 * The usual settings for a Postgres of this size, the same for every contestant, with default durability. Checkpoints
 * are far apart, so that none hits one contestant's run and not another's.
 */
const SETTINGS = [
  'shared_buffers=1GB',
  'max_wal_size=16GB',
  'min_wal_size=4GB',
  'checkpoint_timeout=30min',
  'synchronous_commit=on',
]

const TEMPLATE = 'bench_template'

/** A migrated database with the outreach rows, and an empty Redis, of one contestant's own. */
export interface Place {
  databaseUrl: string
  db: pg.Pool
  /** The logical database that holds the keys `webhook:processed:…` and nothing else. */
  keysUrl: string
  keys: Redis
  /** For anything else that a contestant keeps in Redis. */
  queueUrl: string
  drop: () => Promise<void>
}

export interface BenchStack {
  stack: Stack
  /** The settings that influence the figures most. */
  postgres: string
  place: () => Promise<Place>
  stop: () => Promise<void>
}

/**
 * Starts a Postgres and a Redis for the benchmark alone.
 * @param settings of Postgres, in addition or instead
 */
export const startBenchStack = async (settings: string[] = []): Promise<BenchStack> => {
  const folder = join(tmpdir(), `webhooks-bench-${crypto.randomUUID()}`)
  const stack = await startStack(folder, { temporary: true, settings: [...SETTINGS, ...settings] })
  const owner = new pg.Client({ connectionString: stack.postgres.url })
  await owner.connect()
  await owner.query(`create database ${TEMPLATE}`)
  await migrate(stack.postgres.urlOf(TEMPLATE))
  const template = new pg.Client({ connectionString: stack.postgres.urlOf(TEMPLATE) })
  await template.connect()
  await template.query(SEED_SQL)
  await template.query('vacuum analyze')
  await template.end()
  await wearIn(owner)
  const { rows } = await owner.query<{ says: string }>(
    `select 'shared_buffers ' || current_setting('shared_buffers') || ', huge pages ' || current_setting('huge_pages_status') says`,
  )

  let places = 0
  return {
    stack,
    postgres: rows[0]?.says ?? '',
    place: async () => {
      const name = `bench_${++places}`
      await owner.query('checkpoint') // so that the log segments of the previous contestant can be recycled
      await owner.query(`create database ${name} template ${TEMPLATE}`)
      const databaseUrl = stack.postgres.urlOf(name)
      const db = new pg.Pool({ connectionString: databaseUrl, max: 2 })
      db.on('error', () => {}) // the database is dropped below it
      const keysUrl = `${stack.redis.url}/${2 * places}`
      const queueUrl = `${stack.redis.url}/${2 * places + 1}`
      const keys = new Redis(keysUrl)
      return {
        databaseUrl,
        db,
        keysUrl,
        keys,
        queueUrl,
        drop: async () => {
          await db.end()
          await keys.flushall('ASYNC')
          keys.disconnect()
          await owner.query(`drop database ${name} with (force)`)
        },
      }
    },
    stop: async () => {
      await owner.end()
      await stack.stop()
      rmSync(stack.postgres.folder, { recursive: true, force: true })
    },
  }
}

/**
 * Uses every buffer page and a gigabyte of the log once, as in a server that has run for a while. In a fresh one the
 * system must provide each page and create each file, and the contestant that is measured first, or writes most, would
 * pay for that.
 */
const wearIn = async (owner: pg.Client): Promise<void> => {
  await owner.query('create table filler (filling text)')
  await owner.query('alter table filler alter filling set storage plain')
  await owner.query(`insert into filler select repeat('x', 7900) from generate_series(1, 131072)`)
  await owner.query('drop table filler')
  await owner.query('checkpoint')
}
