import type { Account } from './account.ts'
import { type Before, isReplaced, LOT_BEFORE, tierBefore, type UserStanding } from './before.ts'
import { by } from './compare.ts'
import { isFull } from './facts.ts'
import type { Period } from './periods.ts'
import { higherTier, type Tier, worthOf } from './tiers.ts'

/** The credits of one subscription, for the latest of its periods that was opened. */
export interface Lot {
  /** What was spent of it is stored under this key. */
  key: string
  worth: number
  /** Of its period; null when it is not known. */
  end: number | null
  /** Its subscription has access. */
  live: boolean
  subscriptionId: string
}

export const lotKey = (subscriptionId: string, start: number): string => `${subscriptionId}:${start}`
export const isLotOf = (key: string, subscriptionId: string): boolean => key.startsWith(`${subscriptionId}:`)

/** The lot of each subscription that has one. */
export const lotsOf = (standings: UserStanding[]): Lot[] =>
  standings.flatMap(({ id, status, access, latest }) => {
    if (latest === undefined) return []
    const goesOn = status !== null && isFull(status)
    return {
      key: lotKey(id, latest.start),
      worth: worthOf(goesOn ? higherTier(latest.paid, shownTier(latest)) : latest.paid),
      end: endOf(latest),
      live: access,
      subscriptionId: id,
    }
  })

/** The tier that the newest snapshot of the period shows, if that is in good standing. */
const shownTier = ({ snapshots }: Period): Tier | null => {
  const newest = snapshots.at(-1)
  return newest !== undefined && isFull(newest.state.status) ? newest.tier : null
}

const endOf = ({ ends }: Period): number | null => {
  let last: number | null = null
  for (const end of ends) if (end !== null && (last === null || end > last)) last = end
  return last
}

/** The lot of a user from before; undefined once a period that was opened since has replaced it. */
export const lotBefore = (
  standings: UserStanding[],
  before: Before,
  heir: UserStanding | undefined,
): Lot | undefined =>
  isReplaced(standings, before)
    ? undefined
    : {
        key: LOT_BEFORE,
        worth: worthOf(tierBefore(before, heir)),
        end: before.periodEnd,
        live: heir?.access ?? true,
        subscriptionId: heir?.id ?? '',
      }

/** What is left of a lot: its worth less all that was spent of it, computed from both each time. */
const leftOf = ({ key, worth }: Lot, spent: Account['spent']): number =>
  Math.max(0, worth - (spent.get(key) ?? 0))

/** The sum of what is left in the lots of subscriptions with access, plus what other services added. */
export const creditsOf = (lots: Lot[], { spent, added }: Account): number =>
  lots.filter(({ live }) => live).reduce((sum, lot) => sum + leftOf(lot, spent), added)

/**
 * Sees what other services have spent or added since the credits were written. What is missing is taken from the lots
 * with access, the one whose period ends soonest first (unknown last), then by id; then from what was added.
 */
export const settle = (account: Account, lots: Lot[]): Account => {
  let missing = account.written - account.row.credits
  if (missing === 0) return account
  if (missing < 0) return { ...account, added: account.added - missing, written: account.row.credits }
  const spent = new Map(account.spent)
  for (const lot of lots.filter(({ live }) => live).sort(soonestFirst)) {
    const taken = Math.min(missing, leftOf(lot, spent))
    if (taken > 0) spent.set(lot.key, (spent.get(lot.key) ?? 0) + taken)
    missing -= taken
  }
  return { ...account, spent, added: Math.max(0, account.added - missing), written: account.row.credits }
}

const soonestFirst = by<Lot>(
  ({ end }) => end ?? Infinity,
  ({ subscriptionId }) => subscriptionId,
)
