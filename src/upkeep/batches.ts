import { setTimeout as sleep } from 'node:timers/promises'
import type { UpkeepContext } from './task.ts'

/** Milliseconds. */
const PAUSE = { min: 20, max: 2_000 }
/** How many times as long as a piece it rests: at night, and while senders wait for answers. */
const RESTS = { idle: 1, busy: 9 }

/**
 * Repeats a small piece of work until it says that it is done. Between the pieces it rests, so that upkeep never takes
 * more than half of a connection's time, or a tenth while deliveries come, nor holds a lock while it rests.
 *
 * @param work one short transaction; false when nothing is left.
 */
export const inBatches = async (
  { signal, busy }: Pick<UpkeepContext, 'signal' | 'busy'>,
  work: () => Promise<boolean>,
): Promise<void> => {
  while (!signal.aborted) {
    const startedAt = performance.now()
    if (!(await work())) return
    const took = performance.now() - startedAt
    const pause = took * (busy() ? RESTS.busy : RESTS.idle)
    await sleep(Math.min(Math.max(PAUSE.min, pause), PAUSE.max))
  }
}
