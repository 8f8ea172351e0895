import { once } from 'node:events'
import fc from 'fast-check'
import type { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ClusterNode, type RedisCluster, startRedisCluster } from '../../harness/redis-cluster.ts'
import { onCluster } from '../../src/processed-keys/on-cluster.ts'
import { openRedis } from '../../src/redis/connection.ts'
import { webhooks } from '../cli/run.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'

// Three masters without replicas. What is asked of one is never asked of another (CROSSSLOT, MOVED).

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 }) // servers take their time to start on a busy machine

let cluster: RedisCluster
let redis: Cluster
beforeAll(async () => {
  cluster = await startRedisCluster()
  const limits = { connectTimeout: 1_000, commandTimeout: 5_000, socketTimeout: 5_000 }
  redis = openRedis(cluster.url, 'test', limits) as Cluster
  await once(redis, 'ready')
  redis.on('error', () => {}) // what is asked rejects as well
})
afterAll(async () => {
  redis?.disconnect()
  await cluster?.stop()
})

const keyOf = (one: Record<string, unknown>) => `webhook:processed:${one.sg_event_id}`
const events = (count: number) => Array.from({ length: count }, () => event('click'))
const keysOn = (master: ClusterNode | undefined) => master?.call('dbsize').then(Number)

describe('the keys', () => {
  test('are read as they were written, and dropped', async () => {
    const keyspace = onCluster(redis)
    const id = fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }).filter((one) => !one.includes('{'))
    const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(ids, ids, async (written, others) => {
        const keys = written.map((one) => `webhook:processed:${one}`)
        const missing = others
          .filter((one) => !written.includes(one))
          .map((one) => `webhook:processed:${one}`)
        const processedAt = new Date().toISOString()
        await keyspace.drop()
        await keyspace.add(keys, { processedAt, arrived: processedAt, provider: 'sendgrid', eventId: 'last' })
        expect(await keyspace.read([...missing, ...keys])).toEqual({
          values: [...missing.map(() => null), ...keys.map(() => processedAt)],
        })
        expect(await keyspace.drop()).toBe(keys.length)
        expect((await keyspace.read(keys)).values).toEqual(keys.map(() => null))
      }),
      { numRuns: 20 },
    )
  })

  test('with braces, which choose a master, are not remembered', async () => {
    const keyspace = onCluster(redis)
    const keys = ['{}{x}', 'a{b}', '{', '{a'].map((one) => `webhook:processed:${one}`)
    const processedAt = new Date().toISOString()
    await keyspace.add(keys, { processedAt, arrived: processedAt, provider: 'sendgrid', eventId: 'last' })
    expect(await keyspace.read(keys)).toEqual({ values: [null, null, null, null] })
    expect(await keyspace.drop()).toBe(0)
  })

  test('are not taken for dropped before there is a connection', async () => {
    const limits = { connectTimeout: 1_000, commandTimeout: 1_000, socketTimeout: 1_000 }
    const unconnected = openRedis(cluster.url, 'test', limits) as Cluster
    try {
      await expect(onCluster(unconnected).drop()).rejects.toThrow()
    } finally {
      unconnected.disconnect()
    }
  })

  test('are not taken for dropped while a master is away, which may come back with its own', async () => {
    const keyspace = onCluster(redis)
    const [first] = cluster.masters
    await first?.stop()
    try {
      await expect(keyspace.drop()).rejects.toThrow()
    } finally {
      await first?.start()
    }
    const dropped = () => keyspace.drop().catch(() => undefined)
    await eventually(dropped, 'all masters are there again')
  })
})

describe('the service', () => {
  let service: Service
  beforeEach(async () => {
    await redis.del('webhook:inbox')
    service = await startService({ env: { ...sendgridEnv, REDIS_URL: cluster.url } })
    await seedOutreach(service, 1)
  })
  afterEach(() => service.stop())

  /**
   * Delivers events whose keys are written. On a busy machine Redis may be too slow for some, which are not written
   * then.
   */
  const delivered = (count: number) =>
    eventually(
      async () => {
        const sent = events(count)
        await deliverAndSettle(service, ...sent)
        const kept = await Promise.all(sent.map((one) => redis.exists(keyOf(one)).catch(() => 0)))
        return kept.every((one) => one === 1) ? sent : undefined
      },
      'the keys are written',
      60,
    )
  const logOf = () => service.logs.map(({ msg, err }) => `${msg} ${JSON.stringify(err ?? '')}`).join('\n')

  test('the keys of one delivery lie on all masters, and a redelivery is answered from them', async () => {
    const before = await Promise.all(cluster.masters.map(keysOn))
    const sent = await delivered(60)
    for (const [n, master] of cluster.masters.entries()) {
      expect(await keysOn(master)).toBeGreaterThan(before[n] ?? 0)
    }
    const time = '2026-11-28T00:00:00.000Z'
    await Promise.all(sent.map((one) => redis.set(keyOf(one), time)))
    await eventually(async () => {
      const { body } = await deliver(service, ...sent)
      return (body as { processed_at?: string }).processed_at === time || undefined
    }, 'the answer comes from the cluster')
    expect(logOf()).not.toMatch(/CROSSSLOT|MOVED|same slot/)
  })

  test('a master that dies costs its own keys only, and they are used again when it is back', async () => {
    const sent = await delivered(30)
    const [, second] = cluster.masters
    await second?.stop()
    try {
      expect(await deliver(service, ...sent)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
      const more = events(30)
      expect(await deliverAndSettle(service, ...more)).toMatchObject({ status: 200, body: { accepted: 30 } })
      expect(await deliver(service, ...more)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
    } finally {
      await second?.start()
    }
    await delivered(30)
    expect(await keysOn(second)).toBeGreaterThan(0)
    expect(await service.rows('select link_clicks from outreach')).toEqual(
      await service.rows('select count(*)::int as link_clicks from webhook_events'),
    )
  })

  test('an inbox that lacks what this process remembers is another, though the cluster has lost its mark', async () => {
    await delivered(1)
    const mark = await redis.hgetall('webhook:inbox')
    const [lost = {}] = await delivered(1)
    // A replica took over that had not got the newest mark, and the database is put back to where it was before.
    await redis.hset('webhook:inbox', mark)
    await service.rows('delete from webhook_events where event_id = $1', lost.sg_event_id)
    await service.rows(
      `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name like 'roleferry-webhooks%' and datname = current_database()`,
    )
    await eventually(async () => {
      await fetch(`${service.url}/readyz`)
      return (await redis.exists(keyOf(lost))) === 0 || undefined
    }, 'the key is dropped')
    await eventually(async () => {
      const { body } = await deliver(service, lost)
      return (body as { accepted?: number }).accepted === 1 || undefined
    }, 'the event is accepted again')
  })

  test('webhooks redis forget empties all masters', async () => {
    const sent = await delivered(20)
    const { code, stdout, stderr } = await webhooks(['redis', 'forget', '--yes', '--json'], {
      DATABASE_URL: service.databaseUrl,
      REDIS_URL: cluster.url,
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout).forgotten).toBeGreaterThanOrEqual(20)
    for (const one of sent) expect(await redis.exists(keyOf(one))).toBe(0)
  })

  test('a URL of a single server that leads to a cluster is reported as wrong', async () => {
    const url = `redis://127.0.0.1:${cluster.masters[0]?.port}`
    const other = await startService({
      env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: url },
    })
    try {
      await eventually(async () => {
        await deliverAndSettle(other, ...events(10))
        return other.logs.some(({ msg }) => msg.includes('redis+cluster://')) || undefined
      }, 'the log names the remedy')
    } finally {
      await other.stop()
    }
  })
})
