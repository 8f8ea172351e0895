import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../harness/say.ts'
import type { Load } from './load.ts'

/** How the load was answered over some time. */
export interface Fare {
  sent: number
  /** Requests that got no 200: 503, or no answer. */
  failed: number
  /** Waits for a 200, in milliseconds. */
  ackTimes: number[]
}

const RATE = 40
/** Milliseconds: longer than the load waits for an answer, with some more tries. */
const ANSWERED_WITHIN = 60_000

/**
 * Lets the load run for this many milliseconds and waits until all of it is answered, so that the slowest answers are
 * counted too.
 */
export const watchFare = async (load: Load, milliseconds: number): Promise<Fare> => {
  const { counts } = load
  const before = { ...counts, acks: counts.ackTimes.length }
  load.setRate(RATE)
  await sleep(milliseconds)
  load.setRate(0)
  for (const until = Date.now() + ANSWERED_WITHIN; load.open() > 0; await sleep(20)) {
    if (Date.now() > until) throw new Error(`${load.open()} deliveries are not answered`)
  }
  return {
    sent: counts.sent - before.sent,
    failed: counts.unavailable + counts.unanswered - before.unavailable - before.unanswered,
    ackTimes: counts.ackTimes.slice(before.acks),
  }
}

/** The part of the load that got a 200 at once, from 0 to 1. */
export const successOf = ({ sent, failed }: Fare): number => (sent === 0 ? 0 : 1 - failed / sent)

export const fareRow = (when: string, fare: Fare): [label: string, value: string] => [
  `${when}: 200 at once, median / 99 % wait`,
  `${(successOf(fare) * 100).toFixed(1)} %, ${percentile(fare.ackTimes, 50)} / ${percentile(fare.ackTimes, 99)} ms`,
]
