import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from './transaction.ts'

const TRIES = 50
/** Milliseconds. */
const PAUSE = 200
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Tries work again that has a short `lock_timeout`: it must not wait behind a long read, because deliveries would wait
 * behind it. @throws when the lock is not free for as long as this tries.
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
