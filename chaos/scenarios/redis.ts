import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedisCluster } from '../../harness/redis-cluster.ts'
import type { ServiceProcess } from '../../harness/service.ts'
import type { Load } from '../load.ts'
import { beginLoad, type Fault, type Scenario, sufferInTurn } from '../scenario.ts'

/** Deliveries in a second. */
const RATE = 40

/**
 * Everything that can be wrong with Redis, one after the other, while load runs; then masters of a cluster are killed.
 */
export const redis: Scenario = {
  title: 'stopped, restarted, flushed, read-only, full and hung; then masters of a cluster killed',
  run: async (world, { seconds, quick }) => {
    const server = world.stack.redis
    const command = async (name: string, ...values: string[]) => {
      const client = new Redis(server.url, { maxRetriesPerRequest: 0 })
      client.on('error', () => {})
      try {
        await client.call(name, ...values)
      } finally {
        client.disconnect()
      }
    }
    const faults: Fault[] = [
      ['stopped', server.stop, server.start],
      ['flushed', () => command('flushall'), async () => {}],
      ['read-only', () => command('replicaof', '127.0.0.1', '1'), () => command('replicaof', 'no', 'one')],
      [
        'full',
        () => command('config', 'set', 'maxmemory', '1'),
        () => command('config', 'set', 'maxmemory', '0'),
      ],
      [
        'hung',
        async () => void process.kill(server.pid(), 'SIGSTOP'),
        async () => void process.kill(server.pid(), 'SIGCONT'),
      ],
    ]
    const service = await world.service()
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: RATE })
    await sleep(1_000)
    const total = (seconds ?? (quick ? 10 : 60)) * 1_000
    const rounds = quick ? 1 : 2
    await sufferInTurn(load, faults, { total, rounds })

    if (!quick) await killMasters(service, load, total / 2)
    await load.finish()
    // A busy machine may be too slow for the load; that is not Redis's fault.
    const refused = load.counts.unavailable - load.counts.overloaded
    return {
      load,
      faults: refused > 0 ? [`${refused} deliveries were refused, although Redis is not needed`] : [],
    }
  },
}

const killMasters = async (service: ServiceProcess, load: Load, total: number): Promise<void> => {
  const cluster = await startRedisCluster({ withReplicas: true })
  try {
    load.setRate(0)
    // Deliveries sent while the service stops would be refused, and not because of Redis.
    while (load.open() > 0) await sleep(100)
    await service.end('SIGTERM')
    service.start({ REDIS_URL: cluster.url })
    await service.ready()
    load.setRate(RATE)
    const kills = cluster.masters.map(
      (master, n): Fault => [`master ${n + 1} of a cluster killed`, master.stop, master.start],
    )
    await sufferInTurn(load, kills, { total, rounds: 1 })
    load.setRate(0)
    while (load.open() > 0) await sleep(100)
  } finally {
    await cluster.stop()
  }
}
