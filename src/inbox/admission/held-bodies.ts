import { overloaded } from './refusal.ts'

/** What one delivery holds in memory, from its first byte until it is answered and stored. */
export interface Hold {
  /** Refuses what is announced and would not fit now. @throws {Refusal} `overloaded` */
  assertFits: (bytes: number) => void
  /**
   * Counts bytes that have arrived, or that were made of them. What still arrives after the release is not kept and
   * does not count.
   * @throws {Refusal} `overloaded`
   */
  add: (bytes: number) => void
  /** Gives all of it back, for good. */
  release: () => void
  /** Whether its sender is known: something it sent was verified not long ago. */
  known: () => boolean
  /** What it holds was verified: from now on its sender counts as known, and this delivery is no stranger's. */
  trust: () => void
}

/** Bytes of one provider's deliveries in memory at once. More is refused: nothing is queued without a bound. */
const LIMIT = 32 * 1024 * 1024
/** Senders that have not sent anything verified may hold so much together, so that the others always have room. */
const STRANGERS_LIMIT = LIMIT / 2

const KNOWN_FOR = 3_600_000
const MAX_KNOWN = 10_000

/**
 * The budget of one provider's deliveries in memory. Bytes count as they arrive, so a sender that announces much and
 * sends little holds little. Until a delivery is verified, unknown senders share half of the budget, and each has room
 * for one delivery.
 *
 * @param bodyLimit the largest body, in bytes.
 * @returns a function that opens the account of one delivery; `sender` is what `senderNetwork` calls it.
 */
export const createHeldBodies = (bodyLimit: number, clock: () => number = Date.now) => {
  let held = 0
  let heldByStrangers = 0
  const byAddress = new Map<string, number>()
  const known = new Map<string, number>()

  const isKnown = (sender: string): boolean => (known.get(sender) ?? 0) > clock()
  const trust = (sender: string): void => {
    known.delete(sender) // so that it becomes the newest entry
    known.set(sender, clock() + KNOWN_FOR)
    if (known.size > MAX_KNOWN) known.delete(known.keys().next().value as string)
  }

  return (sender: string): Hold => {
    let stranger = !isKnown(sender)
    let own = 0
    let released = false
    const fits = (bytes: number): boolean =>
      held + bytes <= LIMIT &&
      (!stranger ||
        (heldByStrangers + bytes <= STRANGERS_LIMIT &&
          (byAddress.get(sender) ?? 0) + bytes <= Math.max(bodyLimit, STRANGERS_LIMIT / 2)))
    const changeStrangers = (bytes: number): void => {
      heldByStrangers += bytes
      const left = (byAddress.get(sender) ?? 0) + bytes
      if (left > 0) byAddress.set(sender, left)
      else byAddress.delete(sender)
    }
    const change = (bytes: number): void => {
      own += bytes
      held += bytes
      if (stranger) changeStrangers(bytes)
    }
    const assertFits = (bytes: number): void => {
      if (!fits(bytes)) throw overloaded()
    }
    return {
      known: () => !stranger,
      assertFits,
      add: (bytes) => {
        if (released) return
        assertFits(bytes)
        change(bytes)
      },
      release: () => {
        change(-own)
        released = true
      },
      trust: () => {
        trust(sender)
        if (stranger) changeStrangers(-own)
        stranger = false
      },
    }
  }
}
