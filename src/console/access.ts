import { createHash, timingSafeEqual } from 'node:crypto'

/** Wrong passwords that a sender may give without having to wait: people mistype. */
const FREE_FAILURES = 2
/** Milliseconds that the next try waits. Each further wrong one doubles it, up to the maximum. */
const DELAY = { first: 250, max: 5_000 }
/** Milliseconds without a wrong password after which those before are forgotten. */
const FORGOTTEN_AFTER = 10 * 60_000
/** Senders remembered; of more, the one that failed longest ago is forgotten. */
const MAX_SENDERS = 10_000

/** What a password allows: everything, or looking. */
export type ConsoleRole = 'operator' | 'reader'

/**
 * The console's lock: a password for each role, compared in constant time. Wrong ones slow every further try of their sender, so that
 * guessing takes years; the right one is let in after the same wait, so that nobody can be locked out.
 *
 * `sender` is what `senderNetwork` calls it.
 */
export const createAccess = (
  passwords: Partial<Record<ConsoleRole, string | undefined>>,
  clock: () => Date,
) => {
  const expected = (['operator', 'reader'] as const).flatMap((role) => {
    const password = passwords[role]
    return password === undefined ? [] : [{ role, hash: hash(password) }]
  })
  const failures = new Map<string, { count: number; at: number }>()

  return {
    /** Milliseconds that a try of this sender has to wait before it is looked at. */
    delayOf: (sender: string): number => {
      const failed = failures.get(sender)
      if (failed === undefined) return 0
      if (failed.at + FORGOTTEN_AFTER < clock().getTime()) {
        failures.delete(sender)
        return 0
      }
      const doublings = failed.count - FREE_FAILURES - 1
      return doublings < 0 ? 0 : Math.min(DELAY.first * 2 ** doublings, DELAY.max)
    },
    /** Whose password it is; undefined when it is wrong. That counts against the sender, a right one clears it. */
    roleOf: (given: string, sender: string): ConsoleRole | undefined => {
      const hashed = hash(given)
      const [match] = expected.filter((one) => timingSafeEqual(hashed, one.hash))
      if (match !== undefined) {
        failures.delete(sender)
        return match.role
      }
      const count = (failures.get(sender)?.count ?? 0) + 1
      failures.delete(sender) // so that it becomes the newest entry
      failures.set(sender, { count, at: clock().getTime() })
      if (failures.size > MAX_SENDERS) failures.delete(failures.keys().next().value as string)
      return undefined
    },
  }
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
