import { by, greatest } from './compare.ts'
import type { Period } from './periods.ts'
import type { Standing } from './standing.ts'

const firstPeriod = ({ periods }: Standing): Period | undefined =>
  greatest(
    periods.values(),
    by(({ start }) => -start),
  )

/**
 * One trial: of a user's subscriptions that start with a trial only the first (period start, then id) gets a lot for
 * the trial.
 */
export const withOneTrial = <S extends Standing>(standings: S[]): S[] => {
  const trials = standings.filter((one) => firstPeriod(one)?.isTrial)
  const [, ...later] = trials.sort(
    by(
      (one) => firstPeriod(one)?.start ?? 0,
      ({ id }) => id,
    ),
  )
  return standings.map((one) =>
    later.includes(one) && one.latest === firstPeriod(one) ? { ...one, latest: undefined } : one,
  )
}
