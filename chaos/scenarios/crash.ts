import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../../harness/say.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

/** Like a crash of the whole machine: Postgres and the service are killed at the same moment, again and again. */
export const crash: Scenario = {
  title: 'killed together with Postgres at random moments',
  run: async (world, { seconds, quick }) => {
    const server = world.stack.postgres
    const service = await world.service()
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 20 })
    const until = Date.now() + (seconds ?? 300) * 1_000
    const times = quick ? 3 : 10
    let kills = 0
    while (kills < times && Date.now() < until) {
      await service.ready()
      await sleep(world.random.between(500, 2_500))
      await Promise.all([service.end('SIGKILL'), server.stop('kill')])
      kills++
      await server.start()
      service.start()
      say(`  killed together ${kills} of ${times} times, ${load.counts.acknowledged} acknowledged`)
    }
    await service.ready()
    await load.finish()
    return { load, rows: [['kills', String(kills)]] }
  },
}
