import { createHash, timingSafeEqual } from 'node:crypto'
import { senderNetwork } from '../sender-network.ts'

/** Wrong passwords from one address within the window, after which it waits until the window is over. */
const MOST_FAILURES = 10
const WINDOW = 5 * 60_000
/** Addresses remembered; of more, the one that failed first is forgotten. */
const MOST_ADDRESSES = 10_000

/** The console's lock: one password, compared in constant time, and a limit on guesses. */
export const createAccess = (password: string, clock: () => Date) => {
  const expected = hash(password)
  const failures = new Map<string, { count: number; since: number }>()

  return {
    /** Seconds an address still has to wait; 0 when it may try. */
    mustWait: (address: string): number => {
      const sender = senderNetwork(address)
      const failed = failures.get(sender)
      if (failed === undefined) return 0
      const left = failed.since + WINDOW - clock().getTime()
      if (left <= 0) failures.delete(sender)
      return failed.count < MOST_FAILURES || left <= 0 ? 0 : Math.ceil(left / 1_000)
    },
    /** Whether it is the password; a wrong one counts against the address. */
    isRight: (given: string, address: string): boolean => {
      if (timingSafeEqual(hash(given), expected)) return true
      const sender = senderNetwork(address)
      const failed = failures.get(sender)
      if (failed !== undefined) failed.count++
      else failures.set(sender, { count: 1, since: clock().getTime() })
      if (failures.size > MOST_ADDRESSES) {
        for (const oldest of failures.keys()) {
          failures.delete(oldest)
          break
        }
      }
      return false
    },
  }
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
