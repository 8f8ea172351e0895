import type { RefusalReason } from './admission/refusal.ts'

/** What became of an event, an attempt (`failed`) or a delivery (`duplicate`: of its events, `refused`). */
export type CountedOutcome = 'processed' | 'ignored' | 'skipped' | 'dead' | 'failed' | 'duplicate' | 'refused'

/** What came within one minute and how it ended. */
export interface MinuteCount {
  minute: Date
  provider: string
  outcome: CountedOutcome
  /** Of a refusal, else empty. */
  reason: RefusalReason | ''
  count: number
}

/**
 * Counts in memory what the inbox holds no row of, and what would be expensive to count there. A crash loses some
 * seconds of it: these figures are for people, and nothing is decided by them.
 */
export interface Counts {
  add: (provider: string, outcome: CountedOutcome, by: number, reason?: RefusalReason) => void
  /** Returns what was counted and starts again from zero. */
  take: () => MinuteCount[]
  /** Takes back what could not be stored. */
  giveBack: (counts: MinuteCount[]) => void
}

const MINUTE = 60_000
/** Of a long outage of Postgres the newest day is kept; each minute has some dozens of counts at most. */
const MINUTES_KEPT = 1_440

export const createCounts = (clock: () => Date): Counts => {
  const minutes = new Map<number, Map<string, MinuteCount>>()

  const put = (count: MinuteCount): void => {
    const at = count.minute.getTime()
    let ofMinute = minutes.get(at)
    if (ofMinute === undefined) {
      ofMinute = new Map()
      minutes.set(at, ofMinute)
      if (minutes.size > MINUTES_KEPT) minutes.delete(Math.min(...minutes.keys()))
    }
    const key = `${count.provider} ${count.outcome} ${count.reason}`
    const before = ofMinute.get(key)
    if (before === undefined) ofMinute.set(key, { ...count })
    else before.count += count.count
  }

  return {
    add: (provider, outcome, by, reason) => {
      if (by === 0) return
      const minute = new Date(Math.floor(clock().getTime() / MINUTE) * MINUTE)
      put({ minute, provider, outcome, reason: reason ?? '', count: by })
    },
    take: () => {
      const taken = [...minutes.values()].flatMap((ofMinute) => [...ofMinute.values()])
      minutes.clear()
      return taken
    },
    giveBack: (counts) => counts.forEach(put),
  }
}
