import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { beginLoad, type Fault, type Scenario, sufferInTurn } from '../scenario.ts'

/** Everything that can be wrong with Redis, one after the other, while load runs. */
export const redis: Scenario = {
  title: 'stopped, restarted, flushed, read-only, full and hung',
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
    const load = beginLoad(world, { rate: 40 })
    await sleep(1_000)
    const total = (seconds ?? (quick ? 10 : 60)) * 1_000
    await sufferInTurn(load, faults, { total, rounds: quick ? 1 : 2 })
    await load.finish()
    // A machine that is busy with other things may be too slow for the load: that is not Redis's fault.
    const refused = load.counts.unavailable - load.counts.overloaded
    return {
      load,
      faults: refused > 0 ? [`Redis is not needed, and yet ${refused} deliveries were refused`] : [],
    }
  },
}
