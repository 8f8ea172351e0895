import type { Account } from './account.ts'
import { type Before, beforeOf, heirOf, standingsOf, type UserStanding } from './before.ts'
import { by, greatest } from './compare.ts'
import { type Lot, lotBefore, lotsOf } from './lots.ts'
import { worthOf } from './tiers.ts'
import { withOneTrial } from './trial.ts'

/** Everything that follows from an account's facts. */
export interface Derived {
  /** By id. */
  standings: Map<string, UserStanding>
  /** The subscription from before, while nothing has ended it. */
  before: Before | null
  /** The subscription that turned out to be the one from before. */
  heir: UserStanding | undefined
  lots: Lot[]
  shown: Shown | undefined
}

/** The subscription whose standing the user's row shows: `before` stands for one that has not shown itself yet. */
type Shown = UserStanding | 'before'

export const derive = (account: Account): Derived => {
  const known = beforeOf(account)
  const standings = withOneTrial(standingsOf(account, known).sort(by(({ id }) => id)))
  const heir = known === null ? undefined : heirOf(standings, known)
  // A reconciliation that has seen all subscriptions and found none that was the row's ends it.
  const before = account.listed && heir === undefined ? null : known
  const lots = lotsOf(standings)
  const old = before === null ? undefined : lotBefore(standings, before, heir)
  if (old !== undefined) lots.push(old)
  return {
    standings: new Map(standings.map((one) => [one.id, one])),
    before,
    heir,
    lots,
    shown: shownOf(standings, heir === undefined ? before : null),
  }
}

/**
 * One with access before one without, then one that has begun before one that has not, then by higher tier, later
 * period end, greater id. One whose price was never known is not shown.
 */
const shownOf = (standings: UserStanding[], unseen: Before | null): Shown | undefined => {
  const candidates = standings.flatMap((one) =>
    one.status === null || one.plan === null
      ? []
      : {
          shown: one as Shown,
          access: one.access,
          begun: one.begun,
          worth: one.access ? worthOf(one.plan.tier) : 0,
          end: one.plan.end ?? 0,
          id: one.id,
        },
  )
  if (unseen !== null) {
    const { tier, periodEnd, subscriptionId } = unseen
    candidates.push({
      shown: 'before',
      access: true,
      begun: true,
      worth: worthOf(tier),
      end: periodEnd ?? 0,
      id: subscriptionId ?? '',
    })
  }
  return greatest(
    candidates,
    by(
      ({ access }) => access,
      ({ begun }) => begun,
      ({ worth }) => worth,
      ({ end }) => end,
      ({ id }) => id,
    ),
  )?.shown
}
