import type { DeliveryDetail } from './deliveries.ts'

/** How long each step of a delivery took, as its new events tell it. */
export interface DeliveryTimes {
  acceptedAt: Date
  /** When the first of its events was taken from the queue; null while none is, and when all were known before. */
  firstAt: Date | null
  /** When the last of them was; later than the first in a large delivery, or when one had to be tried again. */
  lastAt: Date | null
  /** Milliseconds from accepting to taking the first. */
  queuedMs: number | null
  /** Events that are not processed yet, and those that failed on every attempt. */
  pending: number
  dead: number
}

/** A batch notes the time at which it begins, so a step ends where the next one begins. */
export const timesOf = ({
  receivedAt,
  events,
  processedAt,
}: Pick<DeliveryDetail, 'receivedAt' | 'events' | 'processedAt'>): DeliveryTimes => {
  const taken = events.flatMap((event) => (event.processedAt === null ? [] : [event.processedAt.getTime()]))
  const first = taken.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const withStatus = (wanted: string) => events.filter(({ status }) => status === wanted).length
  return {
    acceptedAt: receivedAt,
    firstAt: taken.length === 0 ? null : new Date(first),
    lastAt: processedAt,
    queuedMs: taken.length === 0 ? null : first - receivedAt.getTime(),
    pending: withStatus('pending'),
    dead: withStatus('dead'),
  }
}
