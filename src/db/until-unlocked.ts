import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from './transaction.ts'

const TRIES = 50
/** Milliseconds. */
const PAUSE = 200
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Repeats work while it meets a lock. The work must set a short `lock_timeout`: while it waits for a lock behind a long
 * read, deliveries wait behind it.
 * @throws the last error after 50 tries.
 */
export const untilUnlocked = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE || tries === TRIES) throw error
      await sleep(PAUSE)
    }
  }
}
