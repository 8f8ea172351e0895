import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../../harness/say.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

const STOP_WITHIN = 8_000

/** SIGTERM under load; a new process takes over the port. What was under way must be answered. */
export const deploy: Scenario = {
  title: 'replaced under load, again and again',
  run: async (world, { seconds, quick }) => {
    const service = await world.service()
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 30 })
    const faults: string[] = []
    let deployments = 0
    let slowest = 0
    for (const until = Date.now() + (seconds ?? (quick ? 8 : 50)) * 1_000; Date.now() < until; ) {
      await sleep(world.random.between(1_000, 3_000))
      const askedAt = performance.now()
      load.mark()
      const code = await service.end('SIGTERM')
      const took = performance.now() - askedAt
      slowest = Math.max(slowest, took)
      deployments++
      if (code !== 0) faults.push(`exit code ${code} after SIGTERM`)
      if (took > STOP_WITHIN) faults.push(`stopping took ${Math.round(took)} ms`)
      service.start()
      await service.ready()
      say(`  replaced ${deployments} times, ${load.counts.acknowledged} acknowledged, ${load.counts.cut} cut`)
    }
    await load.finish()
    if (load.counts.cut > 0) faults.push(`${load.counts.cut} requests under way got no answer`)
    return {
      load,
      faults,
      rows: [
        ['deployments', String(deployments)],
        ['requests cut', String(load.counts.cut)],
        ['slowest stop', `${(slowest / 1_000).toFixed(1)} s`],
      ],
    }
  },
}
