import { setTimeout as sleep } from 'node:timers/promises'
import { say, shown } from '../../harness/say.ts'
import { fareRow, successOf, watchFare } from '../fare.ts'
import { beginLoad, type Scenario } from '../scenario.ts'
import type { IdleReport } from '../strangers/idle.ts'
import { startStrangers } from '../strangers/process.ts'

const MIB = 1024 * 1024
/** Opening them takes a second or two; the service cuts some all the time, and they are opened again. */
const OPEN_WITHIN = 60_000
/**
 * The part of the load's requests, from 0 to 1, that must get 200 at once, although the machine is busy with the
 * strangers too.
 */
const MIN_SUCCESS = 0.95

/** Ten thousand connections on which nothing happens stay open, or are opened again, beside the load. */
export const idle: Scenario = {
  title: 'thousands of idle connections',
  alone: true,
  run: async (world, { seconds, quick }) => {
    const wanted = quick ? 2_000 : 10_000
    const time = (seconds ?? (quick ? 6 : 30)) * 1_000
    const service = await world.service()
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 0 })
    const alone = await watchFare(load, time / 3)
    const strangers = startStrangers<IdleReport>('idle.ts', new URL(service.url).port, wanted)
    try {
      for (const until = Date.now() + OPEN_WITHIN; ; await sleep(50)) {
        const { open = 0 } = strangers.report() ?? {}
        if (open >= wanted * 0.98) break
        if (Date.now() > until) throw new Error(`only ${open} connections could be opened: see ulimit -n`)
      }
      const { open = 0 } = strangers.report() ?? {}
      say(`  ${shown(open)} idle connections are open`)
      const memory = await service.memory()
      const beside = await watchFare(load, time)
      const { cut = 0 } = strangers.report() ?? {}
      await load.finish()
      return {
        load,
        rows: [
          ['idle connections', shown(open)],
          ['cut by the service', shown(cut)],
          ['memory with them', `${Math.round(memory / MIB)} MiB`],
          fareRow('without them', alone),
          fareRow('with them', beside),
        ],
        faults:
          successOf(beside) < MIN_SUCCESS ? ['idle connections keep the service from answering others'] : [],
      }
    } finally {
      await strangers.end()
    }
  },
}
