import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../report.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

/** Seconds in which a delivery is refused, and what a busy machine adds to it. */
const REFUSED_WITHIN = 5_000
const NOISE = 1_000

/** Postgres stopped, crashed, hung, and its sessions ended, while load runs. */
export const postgres: Scenario = {
  title: 'stopped, crashed, hung, and its sessions ended',
  run: async (world, { seconds, quick }) => {
    const server = world.stack.postgres
    const faults: [name: string, begin: () => Promise<unknown>, end: () => Promise<void>][] = [
      ['stopped', () => server.stop('fast'), server.start],
      [
        'sessions ended',
        () =>
          world.db.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'roleferry-webhooks%'`,
          ),
        async () => {},
      ],
      ['crashed', () => server.stop('immediate'), server.start],
      ['hung', server.freeze, server.thaw],
    ]
    const service = await world.service()
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 40 })
    await sleep(1_000)
    const rounds = quick ? 1 : 3
    const each = ((seconds ?? (quick ? 24 : 96)) * 1_000) / faults.length / rounds
    for (let round = 0; round < rounds; round++) {
      for (const [name, begin, end] of faults) {
        await begin()
        await sleep(each * 0.7)
        await end()
        await sleep(each * 0.3)
        say(`  ${name}, ${load.counts.acknowledged} acknowledged, ${load.counts.unavailable} times 503`)
      }
    }
    await load.finish()
    const slowest = Math.round(load.counts.slowestRefusal)
    return {
      load,
      rows: [['slowest 503', `${(slowest / 1_000).toFixed(1)} s`]],
      faults:
        slowest > REFUSED_WITHIN + NOISE ? [`a 503 took ${slowest} ms, the contract says within 5 s`] : [],
    }
  },
}
