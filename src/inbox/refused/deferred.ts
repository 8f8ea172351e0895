import type { IncomingEvent } from '../provider.ts'

/** A delivery that was verified and answered with 503, so that its provider sends it again. */
export interface DeferredDelivery {
  provider: string
  deferredAt: Date
  /** Of its first event: by this it is known when it comes again. */
  dedupeKey: string
  eventCount: number
}

/** Deliveries remembered while Postgres is away. Of more the first are kept: it is the beginning that is asked about. */
const MAX_DEFERRED = 50_000

/** Remembers what was put off until it can be stored: after an outage somebody asks whether all of it came again. */
export const createDeferred = (clock: () => Date) => {
  let deferred: DeferredDelivery[] = []
  return {
    add: (provider: string, events: Pick<IncomingEvent, 'dedupeKey'>[]): void => {
      const [first] = events
      if (first === undefined || deferred.length >= MAX_DEFERRED) return
      const { dedupeKey } = first
      deferred.push({ provider, deferredAt: clock(), dedupeKey, eventCount: events.length })
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
