import { setTimeout as sleep } from 'node:timers/promises'
import { expectedSums } from './events.ts'
import type { Place } from './stack.ts'

/** How many events had taken effect at a given time, in milliseconds since the epoch. */
export type Curve = { at: number; seen: number }[]

/** Milliseconds without a new effect after which waiting ends. */
const STALLED = 30_000
const LOOK_EVERY = 20

/**
 * Every contestant writes an event's key to Redis once its effects are committed, into a database that holds nothing
 * else: its size counts the effects, at no cost to any of them.
 */
export const watchEffects = async (place: Place) => {
  const base = await place.keys.dbsize()
  const curve: Curve = []
  let wanted = Number.POSITIVE_INFINITY
  let tell = (_seen: number) => {}
  const watching = (async () => {
    let changedAt = Date.now()
    for (;;) {
      const seen = (await place.keys.dbsize()) - base
      if (seen !== curve.at(-1)?.seen) {
        curve.push({ at: performance.timeOrigin + performance.now(), seen })
        changedAt = Date.now()
      }
      if (seen >= wanted) return curve
      tell(seen)
      if (wanted < Number.POSITIVE_INFINITY && Date.now() - changedAt > STALLED) {
        throw new Error(`only ${seen} of ${wanted} events took effect`)
      }
      await sleep(LOOK_EVERY)
    }
  })()
  watching.catch(() => {}) // until() reports it
  return {
    /** Resolves once this many events have taken effect. @throws when they do not come. */
    until: (events: number, onProgress: (seen: number) => void): Promise<Curve> => {
      wanted = events
      tell = onProgress
      return watching
    },
  }
}

/** @throws when the domain rows are not what the events of these numbers add up to. */
export const assertEffects = async (
  name: string,
  { db }: Place,
  ranges: { firstEvent: number; events: number }[],
): Promise<void> => {
  const expected = { clicks: 0, bounces: 0, spamReports: 0 }
  for (const { firstEvent, events } of ranges) {
    const sums = expectedSums(firstEvent, events)
    expected.clicks += sums.clicks
    expected.bounces += sums.bounces
    expected.spamReports += sums.spamReports
  }
  const { rows } = await db.query(`
    select (select sum(link_clicks) from outreach)::int as clicks, sum(bounce_count)::int as bounces,
           sum(spam_reports)::int as "spamReports"
    from contacts`)
  if (JSON.stringify(rows[0]) !== JSON.stringify(expected)) {
    throw new Error(`${name} applied ${JSON.stringify(rows[0])} and not ${JSON.stringify(expected)}`)
  }
}
