const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Delays after the first, second … failed attempt, in milliseconds. After the last one the event is dead. */
const RETRY_DELAYS = [10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR] as const

export const MAX_ATTEMPTS = RETRY_DELAYS.length + 1

/**
 * A time this many milliseconds away, varied by +-20 % so that events that failed together do not come back together.
 */
export const spreadAfter = (now: Date, delay: number, random = Math.random): Date =>
  new Date(now.getTime() + delay * (0.8 + 0.4 * random()))

/**
 * When an event that failed is tried again; null when it is dead.
 *
 * @param attempts attempts begun so far, the failed one included.
 */
export const nextAttempt = (attempts: number, now: Date, random = Math.random): Date | null => {
  const delay = RETRY_DELAYS[attempts - 1]
  return delay === undefined ? null : spreadAfter(now, delay, random)
}

/**
 * When an event that waits for a row looks again: after 10 s, 30 s, 1 min, then every 2 min, every 30 min once
 * it has waited an hour; null when it has waited long enough.
 *
 * @param limit how long its provider lets it wait, in milliseconds.
 */
export const nextLook = (waitingSince: Date, now: Date, limit: number): Date | null => {
  const waited = now.getTime() - waitingSince.getTime()
  if (waited >= limit) return null
  return new Date(Math.min(now.getTime() + lookDelay(waited), waitingSince.getTime() + limit))
}

const lookDelay = (waited: number): number => {
  if (waited < 10 * SECOND) return 10 * SECOND
  if (waited < 40 * SECOND) return 30 * SECOND
  if (waited < 100 * SECOND) return MINUTE
  return waited < HOUR ? 2 * MINUTE : 30 * MINUTE
}
