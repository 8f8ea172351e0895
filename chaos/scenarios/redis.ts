import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { say } from '../report.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

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
    const faults: [name: string, begin: () => Promise<void>, end: () => Promise<void>][] = [
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
    const each = ((seconds ?? (quick ? 10 : 60)) * 1_000) / faults.length / (quick ? 1 : 2)
    for (let round = 0; round < (quick ? 1 : 2); round++) {
      for (const [name, begin, end] of faults) {
        await begin()
        await sleep(each * 0.7)
        await end()
        await sleep(each * 0.3)
        say(`  ${name}, ${load.counts.acknowledged} acknowledged, ${load.counts.unavailable} times 503`)
      }
    }
    await load.finish()
    const refused = load.counts.unavailable
    return {
      load,
      faults: refused > 0 ? [`Redis is not needed, and yet ${refused} deliveries were refused`] : [],
    }
  },
}
