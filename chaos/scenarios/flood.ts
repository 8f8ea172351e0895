import { shown } from '../../harness/say.ts'
import { fareRow, successOf, watchFare } from '../fare.ts'
import { beginLoad, type Scenario } from '../scenario.ts'
import type { FloodReport } from '../strangers/flood.ts'
import { startStrangers } from '../strangers/process.ts'

const MIB = 1024 * 1024
/**
 * The part of the load's requests, from 0 to 1, that must get 200 at once, although the machine is busy with the
 * strangers too.
 */
const MIN_SUCCESS = 0.95

/** Unsigned and forged deliveries, small and large, from thousands of addresses, as fast as they are refused. */
export const flood: Scenario = {
  title: 'a flood of unsigned deliveries',
  alone: true,
  run: async (world, { seconds, quick }) => {
    const time = (seconds ?? (quick ? 6 : 30)) * 1_000
    // The addresses of the flood; the load comes from another one.
    const service = await world.service({ env: { TRUST_PROXY: 'true' } })
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 0 })
    const alone = await watchFare(load, time / 3)
    const strangers = startStrangers<FloodReport>('flood.ts', service.url, 200)
    try {
      const under = await watchFare(load, time)
      const memory = await service.memory()
      const { answered = 0, unanswered = 0, byStatus = {} } = strangers.report() ?? {}
      await strangers.end()
      await load.finish()
      const accepted = byStatus[200] ?? 0
      return {
        load,
        rows: [
          ['unsigned deliveries answered', shown(answered)],
          ...Object.entries(byStatus).map(([status, n]): [string, string] => [`  with ${status}`, shown(n)]),
          ['  cut or refused', shown(unanswered)],
          ['memory under the flood', `${Math.round(memory / MIB)} MiB`],
          fareRow('without it', alone),
          fareRow('under the flood', under),
        ],
        faults: [
          ...(accepted > 0 ? [`${accepted} unsigned deliveries were accepted`] : []),
          ...(successOf(under) < MIN_SUCCESS ? ['a flood crowds out signed deliveries'] : []),
        ],
      }
    } finally {
      await strangers.end()
    }
  },
}
