import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds. */
const MIN_PAUSE = 20

/**
 * Repeats a small piece of work until it says that it is done. After each piece it rests as long as the piece took,
 * so that upkeep never takes more than half of a connection's time, nor holds a lock while it rests.
 *
 * @param work one short transaction; false when nothing is left.
 */
export const inBatches = async (signal: AbortSignal, work: () => Promise<boolean>): Promise<void> => {
  while (!signal.aborted) {
    const startedAt = performance.now()
    if (!(await work())) return
    await sleep(Math.max(MIN_PAUSE, performance.now() - startedAt))
  }
}
