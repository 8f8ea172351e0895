import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PostgresServer } from '../../harness/postgres.ts'
import type { RedisServer } from '../../harness/redis.ts'
import type { Stack } from '../../harness/stack.ts'
import { startOwnStores } from '../own-stores.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'

// Servers of their own: these tests stop them.
let stores: Stack
let postgres: PostgresServer
let redis: RedisServer
let service: Service
beforeAll(async () => {
  stores = await startOwnStores()
  ;({ postgres, redis } = stores)
  service = await startService({ env: { ...sendgridEnv, DATABASE_URL: postgres.url, REDIS_URL: redis.url } })
  await seedOutreach(service, 1)
})
afterAll(async () => {
  await service.stop()
  await stores.stop()
})

const clicks = async () =>
  Number((await service.rows('select link_clicks from outreach where id = 1'))[0]?.link_clicks)
const keysOf = async (...events: Record<string, unknown>[]) => {
  const client = new Redis(redis.url)
  try {
    const keys = events.map((one) => `webhook:processed:${one.sg_event_id}`)
    return { values: await client.mget(keys), ttl: await client.ttl(keys[0] ?? '') }
  } finally {
    client.disconnect()
  }
}
/** The lines about Postgres that went away and came back. */
const pauses = () => service.logs.filter(({ msg }) => msg === 'processing pauses: the database is in trouble')
const backs = () => service.logs.filter(({ msg }) => msg === 'the database is back: processing goes on')
const ready = async () => (await fetch(`${service.url}/readyz`)).status

describe('Redis', () => {
  test('holds the time of processing of processed and ignored events for a day, and of no others', async () => {
    const processed = event('click')
    const ignored = event('open')
    const skipped = event('click', { outreach_id: undefined })
    await deliverAndSettle(service, processed, ignored, skipped)
    await eventually(async () => (await keysOf(processed)).values[0] ?? undefined, 'the key is written')
    const { values, ttl } = await keysOf(processed, ignored, skipped)
    expect(values).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      null,
    ])
    expect(ttl).toBeGreaterThan(86_300)
    expect(ttl).toBeLessThanOrEqual(86_400)
    const [row] = await service.rows(
      'select processed_at from webhook_events where event_id = $1',
      processed.sg_event_id,
    )
    expect(values[0]).toBe((row?.processed_at as Date | undefined)?.toISOString())
    expect((await deliver(service, processed)).body).toEqual({ status: 'duplicate', processed_at: values[0] })
  })

  test('emptied: the inbox still knows every event', async () => {
    const seen = event('click')
    await deliverAndSettle(service, seen)
    const before = await clicks()
    const client = new Redis(redis.url)
    await client.flushall()
    client.disconnect()
    expect((await deliverAndSettle(service, seen)).body).toMatchObject({ status: 'duplicate' })
    expect(await clicks()).toBe(before)
  })

  test('stopped, hung and back: deliveries are accepted and applied once all the while', async () => {
    const before = await clicks()
    const seen = event('click')
    await redis.stop()
    expect((await deliverAndSettle(service, seen)).body).toMatchObject({ status: 'ok', accepted: 1 })
    expect((await deliverAndSettle(service, seen)).body).toMatchObject({ status: 'duplicate' })
    await redis.start()
    expect((await deliverAndSettle(service, event('click'))).body).toMatchObject({ status: 'ok' })
    process.kill(redis.pid(), 'SIGSTOP')
    try {
      expect((await deliverAndSettle(service, event('click'), seen)).body).toEqual({
        status: 'ok',
        accepted: 1,
        duplicates: 1,
      })
    } finally {
      process.kill(redis.pid(), 'SIGCONT')
    }
    expect(await clicks()).toBe(before + 3)
    expect(await ready()).toBe(200)
  })
})

describe('Postgres', () => {
  test('stopped: 503 with Retry-After, not ready but alive; back: works again by itself', async () => {
    const before = await clicks()
    // Redis was away a moment ago: the first keys may be lost.
    let known = event('click')
    let sent = 0
    await eventually(async () => {
      known = event('click')
      sent++
      await deliverAndSettle(service, known)
      return (await keysOf(known)).values[0] ?? undefined
    }, 'a key is written')
    await postgres.stop('immediate')
    const refused = event('click')
    const answer = await deliver(service, refused)
    expect(answer).toMatchObject({ status: 503, body: { code: 'WEBHOOK_UNAVAILABLE' } })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|postgres|5432|sql/i)
    // What Redis knows as processed needs no Postgres.
    expect(await deliver(service, known)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    expect(await ready()).toBe(503)
    await eventually(
      () => pauses().filter((line) => !line.repeated).length >= 3 || undefined,
      'every provider notices',
    )
    await postgres.start()
    await eventually(async () => ((await ready()) === 200 ? true : undefined), 'ready again')
    expect((await deliverAndSettle(service, refused)).body).toMatchObject({ status: 'ok', accepted: 1 })
    expect(await clicks()).toBe(before + sent + 1)
    // For each provider a line when it went and one with the number of the others, and for all one when it was back.
    const names = (lines: ReturnType<typeof pauses>) => lines.map(({ provider }) => provider).toSorted()
    const [first, summed] = [
      pauses().filter((line) => !line.repeated),
      pauses().filter((line) => line.repeated),
    ]
    expect(names(first)).toEqual(['mailgun', 'sendgrid', 'stripe'])
    expect(names(summed)).toEqual([...new Set(names(summed))])
    expect(backs()).toMatchObject([{ level: 30, seconds: expect.any(Number) }])
  })

  test('hung: 503, never a false 200; continued: nothing is lost and nothing doubled', async () => {
    const before = await clicks()
    const sent = Array.from({ length: 6 }, () => event('click'))
    process.kill(postgres.pid(), 'SIGSTOP')
    const backends = await backendPids()
    for (const pid of backends) process.kill(pid, 'SIGSTOP')
    let answers: Awaited<ReturnType<typeof deliver>>[]
    try {
      answers = await Promise.all(sent.map((one) => deliver(service, one)))
    } finally {
      for (const pid of backends) process.kill(pid, 'SIGCONT')
      process.kill(postgres.pid(), 'SIGCONT')
    }
    expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(503))
    await eventually(async () => ((await ready()) === 200 ? true : undefined), 'ready again')
    for (const one of sent) expect(await deliver(service, one)).toMatchObject({ status: 200 })
    await service.settled()
    expect(await clicks()).toBe(before + 6)
  })

  test('its sessions terminated: the process lives and goes on', async () => {
    const before = await clicks()
    await service.rows(
      `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name like 'roleferry%'`,
    )
    const one = event('click')
    await eventually(
      async () => ((await deliver(service, one)).status === 200 ? true : undefined),
      'a delivery is accepted again',
    )
    await service.settled()
    expect(await clicks()).toBe(before + 1)
  })

  test('not migrated: not ready, and it says what to do', async () => {
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    await client.query('create database empty')
    await client.end()
    const other = await startService({
      env: { ...sendgridEnv, DATABASE_URL: postgres.urlOf('empty'), REDIS_URL: redis.url },
    })
    try {
      const answer = await fetch(`${other.url}/readyz`)
      expect(answer.status).toBe(503)
      expect(await answer.json()).toMatchObject({ reason: expect.stringContaining('npm run db:migrate') })
      expect(await deliver(other, event('click'))).toMatchObject({ status: 503 })
    } finally {
      await other.stop()
    }
  })
})

/** The server processes of our postmaster, from /proc: asking Postgres is of no use while it hangs. */
const backendPids = async (): Promise<number[]> => {
  const { execFileSync } = await import('node:child_process')
  return execFileSync('ps', ['-o', 'pid=', '--ppid', String(postgres.pid())], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0)
}
