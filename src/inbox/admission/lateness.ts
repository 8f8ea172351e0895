import { performance } from 'node:perf_hooks'
import { overloaded, Refusal } from './refusal.ts'

/** Milliseconds over which the use of the event loop is measured. */
const PERIOD = 1_000
/** The share of a period in which the event loop did not wait for anything. */
const SATURATED = 0.95
/** Milliseconds before the sender's time began: what it sent may have been dropped while its connection was made. */
const SLACK = 3_000

/** Tells a slow sender from a slow service. */
export interface Lateness {
  /**
   * The refusal of a request that did not arrive in time: 408, or 503 when the service itself was saturated meanwhile.
   * Then the kernel may have held or dropped what the sender had sent long before.
   *
   * @param within milliseconds that the sender had.
   */
  refusal: (what: 'request' | 'body', within: number) => Refusal
  stop: () => void
}

export const createLateness = (): Lateness => {
  let saturatedAt = Number.NEGATIVE_INFINITY
  let before = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    if (performance.eventLoopUtilization(now, before).utilization >= SATURATED)
      saturatedAt = performance.now()
    before = now
  }, PERIOD)
  timer.unref()
  return {
    refusal: (what, within) =>
      saturatedAt > performance.now() - within - SLACK
        ? overloaded({ closes: true })
        : new Refusal('malformed', `The ${what} did not arrive in time`, { statusCode: 408 }),
    stop: () => clearInterval(timer),
  }
}
