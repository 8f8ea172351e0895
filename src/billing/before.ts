import type { Account, Row } from './account.ts'
import { by, greatest } from './compare.ts'
import { givesAccess, isStatus, type Snapshot, type Subscription } from './facts.ts'
import { hasBeginning, type Standing, standingOf } from './standing.ts'
import { higherTier, type Tier, worthOf } from './tiers.ts'

/** The key of the lot that a user from before has until the next period is opened. */
export const LOT_BEFORE = 'before'

// Users from before: another service gave them a paid tier before any of their events came. Their row stands for a
// subscription, which it may name, until that one shows itself.

/** The subscription from before, as the user's row says. */
export interface Before extends Row {
  tier: Tier
}

/** Null for a user who had no paid tier, or a status without access. An empty text is no status, and names nothing. */
export const beforeOf = ({ first: { tier, status, subscriptionId, ...row } }: Account): Before | null =>
  tier !== 'free' && (!status || givesAccess(status))
    ? { ...row, tier, status, subscriptionId: subscriptionId || null }
    : null

/** A subscription's standing, and whether it is from before. */
export interface UserStanding extends Standing {
  /** The row names it, or its `created` is not known. Of a user from before only. */
  old: boolean
}

/**
 * The standings of all the user's subscriptions. One from before has begun as soon as it shows itself, and opens a
 * period only by what happened since the first event or fetch: what was paid before is in the row.
 */
export const standingsOf = (account: Account, before: Before | null): UserStanding[] => {
  const all = [...account.subscriptions.values()]
  const since = before === null ? 0 : firstEventOf(all)
  return all.map((subscription) => {
    const named = before !== null && subscription.id === before.subscriptionId
    const old = named || (before !== null && !hasBeginning(subscription))
    const standing = standingOf(subscription, {
      oldest: named ? oldestOf(before) : null,
      since: old ? since : 0,
    })
    return { ...standing, old, begun: standing.begun || named || (old && showsItself(standing)) }
  })
}

/** The earliest `created` among the user's events, and fetches. */
const firstEventOf = (subscriptions: Subscription[]): number => {
  let first = Infinity
  for (const { snapshots, invoices } of subscriptions) {
    for (const { at, former } of snapshots.values()) if (!former) first = Math.min(first, at)
    for (const { seenAt } of invoices.values()) first = Math.min(first, seenAt ?? Infinity)
  }
  return first
}

/** The row is the oldest snapshot of the subscription that it names. */
const oldestOf = ({ tier, status, periodEnd, cancels }: Before): Snapshot => ({
  eventId: '',
  at: -1,
  isCreated: false,
  state: {
    status: status !== null && isStatus(status) ? status : 'active',
    flag: cancels,
    cancelAt: null,
    prices: '',
  },
  previous: null,
  charges: true,
  tier,
  priceId: null,
  start: -1,
  end: periodEnd,
  isRow: true,
})

const showsItself = ({ status }: Standing): boolean =>
  status !== null && status !== 'incomplete' && status !== 'incomplete_expired'

/**
 * The subscription that the row stood for: the one that it names, else one whose `created` is not known and that shows
 * itself with access, or without it at the row's tier; of several one with access, then of the row's tier, then the
 * greatest id.
 */
export const heirOf = (standings: UserStanding[], before: Before): UserStanding | undefined =>
  before.subscriptionId !== null
    ? standings.find(({ id }) => id === before.subscriptionId)
    : greatest(
        standings.filter(
          (one) =>
            one.old && one.plan !== null && showsItself(one) && (one.access || one.plan.tier === before.tier),
        ),
        by(
          ({ access }) => access,
          ({ plan }) => plan?.tier === before.tier,
          ({ id }) => id,
        ),
      )

/** Whether a period that was opened since has taken the place of the row's credits. */
export const isReplaced = (standings: UserStanding[], before: Before): boolean =>
  standings.some(
    ({ id, old, latest }) =>
      old && latest !== undefined && (before.subscriptionId === null || id === before.subscriptionId),
  )

/** The row's tier, or a higher one that was paid for since. */
export const tierBefore = (before: Before, heir: UserStanding | undefined): Tier | null =>
  (heir?.upgrades ?? []).reduce<Tier | null>((highest, { tier }) => higherTier(highest, tier), before.tier)

/** The account of a user whose first event comes now. @param row as another service has left it. */
export const openAccount = (row: Row): Account => {
  const account = {
    first: row,
    row,
    listed: false,
    subscriptions: new Map(),
    spent: new Map(),
    added: row.credits,
    written: row.credits,
  }
  const before = beforeOf(account)
  if (before === null) return account
  // What the row lacks of the tier's credits counts as spent, what it has more as added.
  const surplus = row.credits - worthOf(before.tier)
  return { ...account, spent: new Map([[LOT_BEFORE, Math.max(0, -surplus)]]), added: Math.max(0, surplus) }
}
