import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PostgresPair, startPostgresPair } from '../../harness/postgres-pair.ts'
import { migrate } from '../../src/migrate.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
} from '../providers/sendgrid/deliveries.ts'
import { eventually as eventuallyWithin, type Service, startService } from '../service.ts'
import { SERVICE_ROLE } from '../template.ts'

// The standby takes over, and the service follows without a restart.

const folder = join(tmpdir(), `webhooks-failover-${crypto.randomUUID()}`)
/** Milliseconds: each test copies and starts servers, for which a busy machine takes long. */
const PATIENCE = 300_000
const eventually = <T>(look: () => T | undefined | Promise<T | undefined>, what: string) =>
  eventuallyWithin(look, what, 60)

let pair: PostgresPair
let service: Service
let redis: Redis
beforeAll(async () => {
  pair = await startPostgresPair(folder)
  await migrate(pair.urlOf('postgres'), { name: SERVICE_ROLE })
  service = await startService({ env: { ...sendgridEnv, DATABASE_URL: pair.urlOf('postgres') } })
  redis = new Redis(service.redisUrl)
  await seedOutreach(service, 1)
}, PATIENCE)
afterAll(async () => {
  redis?.disconnect()
  await service?.stop()
  await pair?.stop()
  rmSync(folder, { recursive: true, force: true })
}, PATIENCE)

/** As the owner, in a session of its own: one that is kept may be on a server that hangs. */
const rows = async (sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: pair.primary().url })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}
const readiness = async (url = service.url) => {
  const answer = await fetch(`${url}/readyz`)
  return `${answer.status} ${await answer.text()}`
}
const clicks = async () => (await rows('select link_clicks from outreach where id = 1'))[0]?.link_clicks
const goesOn = async () => {
  const one = event('click')
  const accepted = await eventually(async () => {
    const answer = await deliver(service, one)
    return answer.status === 200 ? answer : undefined
  }, 'a delivery is accepted by the new primary')
  await eventually(
    async () =>
      (
        await rows(
          'select from webhook_events where event_id = $1 and processed_at is not null',
          one.sg_event_id,
        )
      ).length === 1 || undefined,
    'it is processed',
  )
  return accepted
}
/** Sessions of the service on the primary that listen, and that hold the run's lock. */
const sessions = async () =>
  (
    await rows(
      `select count(*) filter (where query like 'LISTEN%' or query like '%pg_listening_channels%')::int as listening,
              count(*) filter (where exists (select from pg_locks l where l.pid = a.pid and locktype = 'advisory' and granted))::int as locks
       from pg_stat_activity a where usename = $1`,
      SERVICE_ROLE,
    )
  )[0]

test(
  'killed and promoted: accepting, processing, the run and LISTEN go on there, and nothing is lost',
  async () => {
    const sent = Array.from({ length: 5 }, () => event('click'))
    for (const one of sent) expect((await deliver(service, one)).status).toBe(200)
    await pair.primary().stop('kill')
    await pair.promote()
    await goesOn()
    await service.settled()
    expect(await clicks()).toBe(6)
    expect(await readiness()).toContain('200')
    await eventually(async () => {
      const found = await sessions()
      return (found?.listening === 1 && found.locks === 1) || undefined
    }, 'the run is locked and notifications are listened for')
    const [row] = await rows(
      'select count(*)::int as runs from service_runs where cleanly_stopped_at is null',
    )
    expect(row?.runs).toBe(1)
  },
  PATIENCE,
)

test(
  'what Redis knew before the promotion is not believed after it',
  async () => {
    const known = event('click')
    await deliverAndSettle(service, known)
    await eventually(
      () => redis.get(`webhook:processed:${known.sg_event_id}`).then((value) => value ?? undefined),
      'a key',
    )
    const before = await redis.hget('webhook:inbox', 'identity')
    await pair.rejoin()
    await pair.primary().stop('kill')
    await pair.promote()
    await goesOn()
    const after = await eventually(async () => {
      const identity = await redis.hget('webhook:inbox', 'identity')
      return identity !== null && identity !== before ? identity : undefined
    }, 'Redis speaks of the new timeline')
    const timelineOf = (identity: string | null) => Number(identity?.split(':')[1])
    expect(timelineOf(after)).toBe(timelineOf(before) + 1)
    expect((await deliver(service, known)).body).toMatchObject({ status: 'duplicate' })
  },
  PATIENCE,
)

test(
  'hung and another promoted: sessions that wait for the old one are ended',
  async () => {
    await pair.rejoin()
    const old = pair.primary()
    await goesOn()
    const before = await clicks()
    await old.freeze()
    try {
      const underWay = deliver(service, event('click'))
      await pair.promote()
      await goesOn()
      expect([200, 503]).toContain((await underWay).status)
      expect(await clicks()).toBeGreaterThan(Number(before))
      await eventually(async () => (await sessions())?.locks === 1 || undefined, 'the run is locked')
    } finally {
      await old.stop('kill') // thawed it would be a second primary
    }
  },
  PATIENCE,
)

test(
  'a service that has only a standby is not ready, and says why',
  async () => {
    await pair.rejoin()
    const other = await startService({
      env: { ...sendgridEnv, DATABASE_URL: pair.standby().url, REDIS_URL: service.redisUrl },
    })
    try {
      expect(await readiness(other.url)).toMatch(/503 .*takes no writes/)
      expect(await deliver(other, event('click'))).toMatchObject({ status: 503 })
      await pair.primary().stop('kill')
      await pair.promote()
      await eventually(
        async () => (await deliver(other, event('click'))).status === 200 || undefined,
        'it accepts',
      )
      expect(await readiness(other.url)).toContain('200')
    } finally {
      await other.stop()
    }
  },
  PATIENCE,
)
