import {
  type Account,
  type Allowance,
  compareAllowances,
  hasAccess,
  isEnding,
  type Shown,
  type Status,
  type Subscription,
} from './facts.ts'
import { CREDITS, compareText, type Pricing } from './tiers.ts'

// From facts to what they mean. Pure: the same facts give the same answer, however they came together.

export const hasEnded = ({ newest }: Subscription): boolean => newest !== null && isEnding(newest.status)

/** Null while nothing tells it. */
const statusOf = (account: Account, subscription: Subscription): Status | null => {
  const { newest, paid } = subscription
  if (newest !== null && isEnding(newest.status)) return newest.status
  const status = paid && (newest === null || newest.status === 'incomplete') ? 'active' : newest?.status
  const owes = status === 'active' || status === 'trialing' ? isFailing(account, subscription) : false
  return owes ? 'past_due' : (status ?? null)
}

/** Whether an invoice that is not known paid failed after the newest snapshot. */
const isFailing = (account: Account, { id, newest }: Subscription): boolean =>
  account.invoices
    .values()
    .some(
      ({ subscriptionId, paidAt, failedAt }) =>
        subscriptionId === id && paidAt === null && failedAt !== null && failedAt > (newest?.at ?? -1),
    )

/** Price and period: those of the later start, of the snapshot on a tie. */
export const pricingOf = ({ priced, paidPeriod }: Subscription): Pricing | null => {
  const snapshot = priced?.pricing ?? null
  if (snapshot === null || paidPeriod === null) return snapshot ?? paidPeriod
  const [later, other] = paidPeriod.start > snapshot.start ? [paidPeriod, snapshot] : [snapshot, paidPeriod]
  return { ...later, end: later.end ?? other.end }
}

export interface Standing {
  id: string
  status: Status | null
  access: boolean
  /** Null while no known price was seen. */
  pricing: Pricing | null
}

export const standingOf = (account: Account, subscription: Subscription): Standing => {
  const status = statusOf(account, subscription)
  return { id: subscription.id, status, access: hasAccess(status), pricing: pricingOf(subscription) }
}

/**
 * What the user's row has to say: its best subscription's standing. One whose price was never known changes nothing,
 * unless it has ended; null when there is no other.
 */
export const shownOf = (account: Account): Shown | null => {
  const [best] = account.subscriptions
    .values()
    .map((subscription) => standingOf(account, subscription))
    .filter(({ status, pricing }) => status !== null && (pricing !== null || isEnding(status)))
    .toArray()
    .sort((a, b) => compareStandings(b, a))
  if (best === undefined) return null
  return {
    subscriptionId: best.id,
    tier: best.access && best.pricing !== null ? best.pricing.tier : 'free',
    status: best.status,
    periodEnd: best.pricing?.end ?? null,
    cancels: account.subscriptions.get(best.id)?.newest?.cancels ?? false,
  }
}

const compareStandings = (a: Standing, b: Standing): number =>
  Number(a.access) - Number(b.access) ||
  creditsOf(a) - creditsOf(b) ||
  (a.pricing?.end ?? 0) - (b.pricing?.end ?? 0) ||
  compareText(a.id, b.id)

const creditsOf = ({ access, pricing }: Standing): number =>
  access && pricing !== null ? CREDITS[pricing.tier] : 0

/**
 * The credits that all grants together give, before any is spent: those of the latest period among the
 * subscriptions that have not ended, by the highest tier granted in it. Null when there are none.
 */
export const allowanceOf = (account: Account): Allowance | null => {
  const allowances = account.subscriptions
    .values()
    .filter((subscription) => !hasEnded(subscription))
    .map(({ grant, adopted }) => grant ?? (adopted === null ? null : { start: 0, credits: adopted }))
    .filter((allowance) => allowance !== null)
    .toArray()
  return allowances.sort((a, b) => compareAllowances(b, a))[0] ?? null
}
