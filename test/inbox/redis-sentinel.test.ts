import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startWatchedRedis, type WatchedRedis } from '../../harness/redis-sentinel.ts'
import { openRedis, type RedisConnection } from '../../src/redis/connection.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 }) // servers take their time to start on a busy machine

/** Seconds: sentinels whose votes were split wait ten before they vote again, and thirty after a standstill. */
const PROMOTED_WITHIN = 120

let watched: WatchedRedis
let redis: RedisConnection
let service: Service
beforeAll(async () => {
  watched = await startWatchedRedis()
  const url = `${watched.url}/3`
  redis = openRedis(url, 'test', { connectTimeout: 1_000, commandTimeout: 5_000, socketTimeout: 5_000 })
  redis.on('error', () => {})
  service = await startService({ env: { ...sendgridEnv, REDIS_URL: url } })
  await seedOutreach(service, 1)
})
afterAll(async () => {
  await service?.stop()
  redis?.disconnect()
  await watched?.stop()
})

test('the replica that the sentinels promote answers with what the master remembered', async () => {
  const sent = Array.from({ length: 20 }, () => event('click'))
  const keyOf = (one: Record<string, unknown>) => `webhook:processed:${one.sg_event_id}`
  await deliverAndSettle(service, ...sent)
  const time = '2026-11-28T00:00:00.000Z'
  await eventually(async () => {
    const kept = await Promise.all(sent.map((one) => redis.exists(keyOf(one))))
    return kept.every((one) => one === 1) || undefined
  }, 'the keys are written')
  const answeredFromRedis = async () => {
    const { body } = await deliver(service, ...sent)
    return (body as { processed_at?: string }).processed_at === time
  }
  // Until the service trusts this Redis, which it does not while its first check is late, it may drop the keys.
  await eventually(async () => {
    for (const one of sent) await redis.set(keyOf(one), time)
    return answeredFromRedis()
  }, 'the answer comes from the master')
  expect(await redis.call('wait', '1', '5000')).toBe(1)

  await watched.master.stop()
  expect(await deliver(service, ...sent)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
  await eventually(answeredFromRedis, 'the answer comes from the new master', PROMOTED_WITHIN)
  const more = event('click')
  await deliverAndSettle(service, more)
  await eventually(
    () =>
      redis.get(keyOf(more)).then(
        (v) => v ?? undefined,
        () => undefined,
      ),
    'a key is written',
  )
})
