import type { Verified } from '../inbox/provider.ts'

/** A delivery that was verified and answered with 503, so that its provider sends it again. */
export interface DeferredDelivery {
  provider: string
  deferredAt: Date
  /** The identity of its first event, by which it is recognized when it comes again. */
  dedupeKey: string
  eventCount: number
}

/**
 * Deliveries remembered while Postgres is away. When there are more, the first are kept: the start of an outage matters
 * most.
 */
const MAX_DEFERRED = 50_000

/**
 * Remembers deliveries that got 503 until they can be stored: after an outage an operator asks whether all of them came
 * again.
 */
export const createDeferred = (clock: () => Date) => {
  let deferred: DeferredDelivery[] = []
  return {
    add: (provider: string, { events, copies = 0 }: Pick<Verified, 'events' | 'copies'>): void => {
      const [first] = events
      if (first === undefined || deferred.length >= MAX_DEFERRED) return
      const { dedupeKey } = first
      deferred.push({ provider, deferredAt: clock(), dedupeKey, eventCount: events.length + copies })
    },
    take: (): DeferredDelivery[] => {
      const taken = deferred
      deferred = []
      return taken
    },
    giveBack: (taken: DeferredDelivery[]): void => {
      deferred = [...taken, ...deferred].slice(0, MAX_DEFERRED)
    },
  }
}
