import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../../harness/say.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

/** Three replicas; every delivery reaches two of them at once, and now and then one is killed. */
export const replicas: Scenario = {
  title: 'three at once, every delivery to two of them, one killed now and then',
  run: async (world, { seconds, quick }) => {
    const services = await Promise.all([world.service(), world.service(), world.service()])
    for (const service of services) service.start()
    for (const service of services) await service.ready()
    const load = beginLoad(world, { rate: 20, copies: 2 })
    let kills = 0
    for (const until = Date.now() + (seconds ?? (quick ? 8 : 50)) * 1_000; Date.now() < until; ) {
      await sleep(world.random.between(1_000, 5_000))
      const service = world.random.pick(services)
      await service.end('SIGKILL')
      kills++
      await sleep(world.random.between(0, 1_000))
      service.start()
      say(`  killed one of three (${kills}), ${load.counts.acknowledged} acknowledged`)
    }
    for (const service of services) await service.ready()
    await load.finish()
    return { load, rows: [['kills', String(kills)]] }
  },
}
