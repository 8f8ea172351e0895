import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PostgresServer } from '../../harness/postgres.ts'
import type { RedisServer } from '../../harness/redis.ts'
import type { Stack } from '../../harness/stack.ts'
import { migrate } from '../../src/migrate.ts'
import { startOwnStores } from '../own-stores.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'
import { SERVICE_ROLE } from '../template.ts'

// Postgres is brought back to an older state while Redis remembers what came after it.

let stores: Stack
let postgres: PostgresServer
let redis: RedisServer
let keys: Redis
beforeAll(async () => {
  stores = await startOwnStores()
  ;({ postgres, redis } = stores)
  keys = new Redis(redis.url)
})
afterAll(async () => {
  keys.disconnect()
  await stores.stop()
})
beforeEach(async () => {
  await keys.flushall()
})

const start = () =>
  startService({ env: { ...sendgridEnv, DATABASE_URL: postgres.url, REDIS_URL: redis.url } })
const keyOf = (one: Record<string, unknown>) => `webhook:processed:${one.sg_event_id}`
const remembered = (one: Record<string, unknown>) =>
  eventually(async () => (await keys.get(keyOf(one))) ?? undefined, 'Redis remembers the event')
const answered = (service: Service, one: Record<string, unknown>) =>
  eventually(async () => {
    const answer = await deliver(service, one)
    return answer.status === 200 ? answer.body : undefined
  }, 'the delivery is answered')
const clicks = async (service: Service) =>
  Number((await service.rows('select link_clicks from outreach where id = 1'))[0]?.link_clicks)
const seed = async (service: Service) => {
  const [row] = await service.rows('select count(*)::int as users from users')
  if (row?.users === 0) await seedOutreach(service, 1)
}

describe('after the data folder was replaced by an older copy of itself', () => {
  for (const who of ['the service that ran all the while', 'a service that was restarted'] as const) {
    test(`${who} accepts again what the copy lacks, and knows what it holds`, async () => {
      let service = await start()
      try {
        await seed(service)
        const before = await clicks(service)
        const kept = event('click')
        await deliverAndSettle(service, kept)
        await remembered(kept)
        await postgres.stop('fast')
        execFileSync('cp', ['-a', postgres.folder, `${postgres.folder}-copy`])
        await postgres.start()
        await eventually(async () => (await fetch(`${service.url}/readyz`)).ok || undefined, 'ready')
        const lost = event('click')
        await answered(service, lost)
        await service.settled()
        await remembered(lost)

        await postgres.stop('immediate')
        rmSync(postgres.folder, { recursive: true })
        execFileSync('mv', [`${postgres.folder}-copy`, postgres.folder])
        await postgres.start()
        if (who === 'a service that was restarted') {
          await service.stop()
          service = await start()
        }
        await eventually(
          async () => (await keys.exists(keyOf(lost))) === 0 || undefined,
          'the keys are dropped',
        )
        expect(await answered(service, lost)).toEqual({ status: 'ok', accepted: 1, duplicates: 0 })
        await service.settled()
        expect(await answered(service, kept)).toMatchObject({ status: 'duplicate' })
        // Once it is checked Redis is used again.
        await remembered(lost)
        const more = event('click')
        await deliverAndSettle(service, more)
        await remembered(more)
        expect(await clicks(service)).toBe(before + 3)
      } finally {
        await service.stop()
      }
    })
  }
})

test('a database replaced by an older one on the same server is another inbox', async () => {
  const asOwner = async (sql: string) => {
    const client = new pg.Client({ connectionString: postgres.urlOf('template1') })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  await asOwner('create database live')
  await migrate(postgres.urlOf('live'), { name: SERVICE_ROLE })
  await asOwner('create database older template live')
  const env = { ...sendgridEnv, DATABASE_URL: postgres.urlOf('live'), REDIS_URL: redis.url }
  const service = await startService({ env })
  try {
    await seedOutreach(service, 1)
    const lost = event('click')
    await deliverAndSettle(service, lost)
    await remembered(lost)
    await asOwner('drop database live with (force)')
    await asOwner('alter database older rename to live')
    await eventually(async () => (await keys.exists(keyOf(lost))) === 0 || undefined, 'the keys are dropped')
    expect(await answered(service, lost)).toEqual({ status: 'ok', accepted: 1, duplicates: 0 })
  } finally {
    await service.stop()
  }
})

test('a restart of either server, or of the service, costs no key', async () => {
  let service = await start()
  try {
    await seed(service)
    const one = event('click')
    await deliverAndSettle(service, one)
    await remembered(one)
    await postgres.stop('immediate')
    await postgres.start()
    await eventually(async () => (await fetch(`${service.url}/readyz`)).ok || undefined, 'ready')
    await deliverAndSettle(service, event('click'))
    await service.stop()
    service = await start()
    await deliverAndSettle(service, event('click'))
    expect(await keys.exists(keyOf(one))).toBe(1)
    expect(service.logs.filter(({ msg }) => /another inbox/.test(msg))).toEqual([])
  } finally {
    await service.stop()
  }
})
