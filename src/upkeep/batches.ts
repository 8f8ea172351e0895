import { setTimeout as sleep } from 'node:timers/promises'
import type { UpkeepContext } from './task.ts'

/** Milliseconds. */
const PAUSE = { min: 20, max: 2_000 }
/** How long it rests after a piece, as a multiple of what the piece took: always, and while deliveries are under way. */
const RESTS = { idle: 1, busy: 9 }

/**
 * Repeats a small piece of work until it says that it is done. It rests after each piece, at most 2 s, and holds no lock
 * while it rests. So upkeep takes at most half of a connection's time, or a tenth while deliveries come, unless a piece is
 * long.
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
