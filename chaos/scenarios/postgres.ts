import { setTimeout as sleep } from 'node:timers/promises'
import { beginLoad, type Fault, type Scenario, sufferInTurn } from '../scenario.ts'

/** Seconds in which a delivery is refused, and what a busy machine adds to it. */
const REFUSED_WITHIN = 5_000
const NOISE = 1_000

/** Postgres stopped, crashed, hung, and its sessions ended, while load runs. */
export const postgres: Scenario = {
  title: 'stopped, crashed, hung, and its sessions ended',
  run: async (world, { seconds, quick }) => {
    const server = world.stack.postgres
    const faults: Fault[] = [
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
    const total = (seconds ?? (quick ? 20 : 84)) * 1_000
    await sufferInTurn(load, faults, { total, rounds: quick ? 1 : 3 })
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
