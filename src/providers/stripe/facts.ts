import { CREDITS, comparePricing, compareText, type Pricing } from './tiers.ts'

// What is known of a customer. Every fact is merged so that the order of arrival does not show: the greatest
// snapshot, the latest paid period, the earliest payment. What the user's row shows is derived, in standing.ts.

/** In the order in which they follow each other within a second. The last two are ends. */
const STATUSES = [
  'incomplete',
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'paused',
  'incomplete_expired',
  'canceled',
] as const
export type Status = (typeof STATUSES)[number]

export const isStatus = (text: string): text is Status => STATUSES.some((one) => one === text)
export const isEnding = (status: Status): boolean => status === 'incomplete_expired' || status === 'canceled'
export const hasAccess = (status: Status | null): boolean =>
  status === 'active' || status === 'trialing' || status === 'past_due'

/** A subscription as one event shows it. Times are unix seconds. */
export interface Snapshot {
  /** `created` of the event. */
  at: number
  eventId: string
  status: Status
  cancels: boolean
  /** Null when its price is unknown. */
  pricing: Pricing | null
}

/** What is stored of a subscription beside the columns that are derived from it. */
export interface SubscriptionFacts {
  newest: Snapshot | null
  /** The newest snapshot with a known price: an unknown one changes neither price nor period. */
  priced: Snapshot | null
  /** The latest period that a paid invoice tells. */
  paidPeriod: Pricing | null
  /** An invoice that creates or renews it was paid. */
  paid: boolean
  /** An event gave access at a known price. */
  begun: boolean
  /** The user's credits when it was known by the user's row alone (see `load-accounts.ts`); null for any other. */
  adopted: number | null
}

export interface Subscription extends SubscriptionFacts {
  id: string
  /** `created` of the latest event about it. */
  lastEventAt: number
  /** The greatest of its rows in the ledger. */
  grant: Allowance | null
}

/** So many credits, for the period that starts then. */
export interface Allowance {
  start: number
  credits: number
}

interface Grant extends Allowance {
  subscriptionId: string
  key: string
  /** `created` of the event. */
  at: number
}

export interface Invoice {
  id: string
  subscriptionId: string | null
  /** `created` of the first event that says it is paid, and of the last one that says it failed. */
  paidAt: number | null
  failedAt: number | null
}

/** What the columns of the user's row say. */
export interface Shown {
  subscriptionId: string | null
  tier: string
  status: string | null
  periodEnd: number | null
  cancels: boolean
}

/** One customer: the user with all that is known of the subscriptions and the invoices an event can be about. */
export interface Account {
  userId: string
  email: string
  shown: Shown
  credits: number
  subscriptions: Map<string, Subscription>
  invoices: Map<string, Invoice>
  /** Rows for the ledger; one that is there already changes nothing. */
  grants: Grant[]
}

export const newSubscription = (id: string): Subscription => ({
  id,
  newest: null,
  priced: null,
  paidPeriod: null,
  paid: false,
  begun: false,
  adopted: null,
  lastEventAt: 0,
  grant: null,
})

/** The subscription an event is about, known before or not. */
export const subscriptionOf = (account: Account, id: string, eventAt: number): Subscription => {
  const subscription = account.subscriptions.get(id) ?? newSubscription(id)
  subscription.lastEventAt = Math.max(subscription.lastEventAt, eventAt)
  account.subscriptions.set(id, subscription)
  return subscription
}

/** The invoice an event is about, known before or not. */
export const invoiceOf = (account: Account, id: string, subscriptionId: string | undefined): Invoice => {
  const invoice = account.invoices.get(id) ?? { id, subscriptionId: null, paidAt: null, failedAt: null }
  invoice.subscriptionId ??= subscriptionId ?? null
  account.invoices.set(id, invoice)
  return invoice
}

/** An end beats everything, whatever its time; then the later event; within a second the later stage. */
const compareSnapshots = (a: Snapshot, b: Snapshot): number =>
  Number(isEnding(a.status)) - Number(isEnding(b.status)) ||
  a.at - b.at ||
  STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) ||
  compareText(a.eventId, b.eventId)

const greater = <T>(a: T | null, b: T, compare: (a: T, b: T) => number): T =>
  a === null || compare(b, a) > 0 ? b : a

export const mergeSnapshot = (subscription: Subscription, snapshot: Snapshot): void => {
  subscription.newest = greater(subscription.newest, snapshot, compareSnapshots)
  if (snapshot.pricing !== null)
    subscription.priced = greater(subscription.priced, snapshot, compareSnapshots)
}

export const mergePaidPeriod = (subscription: Subscription, pricing: Pricing): void => {
  subscription.paidPeriod = greater(subscription.paidPeriod, pricing, comparePricing)
}

/** The later period, and in one period the more credits. */
export const compareAllowances = (a: Allowance, b: Allowance): number =>
  a.start - b.start || a.credits - b.credits

/** Writes a row of the ledger, of which there is one per period and tier. What it gives is derived: see `allowanceOf`. */
export const grantCredits = (
  account: Account,
  subscription: Subscription,
  { tier, start }: Pricing,
  at: number,
): void => {
  const allowance = { start, credits: CREDITS[tier] }
  const key = `${subscription.id}:${start}:${tier}`
  account.grants.push({ ...allowance, subscriptionId: subscription.id, key, at })
  subscription.grant = greater(subscription.grant, allowance, compareAllowances)
}
