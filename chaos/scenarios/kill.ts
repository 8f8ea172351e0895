import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../../harness/say.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

/** The service is killed (SIGKILL) at random moments, also while it starts, and started again each time. */
export const kill: Scenario = {
  title: 'killed at random moments',
  run: async (world, { seconds, quick }) => {
    const service = await world.service()
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 20 })
    const until = Date.now() + (seconds ?? 600) * 1_000
    const times = quick ? 5 : 50
    let kills = 0
    while (kills < times && Date.now() < until) {
      // One in four meets it while it starts, the others at work.
      const starting = kills % 4 === 3
      if (!starting) await service.ready()
      await sleep(world.random.between(100, starting ? 1_000 : 1_500))
      await service.end('SIGKILL')
      kills++
      service.start()
      if (kills % 5 === 0)
        say(`  killed ${kills} of ${times} times, ${load.counts.acknowledged} acknowledged`)
    }
    await service.ready()
    await sleep(2_000)
    await load.finish()
    return { load, rows: [['kills', String(kills)]] }
  },
}
