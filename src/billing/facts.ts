import type { Tier } from './tiers.ts'

// What is known of a user's subscriptions. Facts are only ever added; everything else is derived from all of them, so
// the order in which they arrive does not show. Times are unix seconds, as Stripe's.

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
export const stageOf = (status: Status): number => STATUSES.indexOf(status)
export const isEnd = (status: Status): boolean => status === 'incomplete_expired' || status === 'canceled'
/** @param status a known one, or what another service wrote. */
export const givesAccess = (status: string): boolean =>
  status === 'active' || status === 'trialing' || status === 'past_due'
/** In good standing: nothing is owed. */
export const isFull = (status: Status): boolean => status === 'active' || status === 'trialing'

/** What an event can change of a subscription, and what its `previous_attributes` can name. */
export interface State {
  status: Status
  /** `cancel_at_period_end`. */
  flag: boolean
  cancelAt: number | null
  /** The price ids of all items, sorted and joined. */
  prices: string
}

/** A subscription as one event, or a fetch, shows it. */
export interface Snapshot {
  /** The event's id; empty when the subscription was fetched. */
  eventId: string
  /** `created` of the event, or the time of the answer that a fetch got. */
  at: number
  /** It is a `customer.subscription.created`. */
  isCreated: boolean
  state: State
  /** The fields of `state` that the event changed, as they were; null when it does not say. */
  previous: Partial<State> | null
  /** Stripe charges by itself, rather than sending an invoice to be paid. */
  charges: boolean
  /** Of several items with a known price the highest tier; null when no price is known. */
  tier: Tier | null
  priceId: string | null
  /** Of the period; one without has the subscription's `start_date`, else `at`. */
  start: number
  end: number | null
  /** The previous version of this service knew it. So what it gave is in the user's row, and it opens no period. */
  former?: true
  /** It stands for the user's row before the first event. Its state is too coarse to be compared with an event's. */
  isRow?: true
}

/** A line of an invoice. */
export interface Line {
  /** Null when no tier knows the price. */
  tier: Tier | null
  priceId: string | null
  start: number | null
  end: number | null
  /** In the currency's smallest unit; negative when it gives back. */
  amount: number
  isProration: boolean
}

/** All that is known of an invoice. */
export interface Invoice {
  id: string
  /** `billing_reason`. */
  reason: string | null
  /** `period_end`: a renewal's new period starts then. */
  startsAt: number | null
  lines: Line[]
  /** Whether `lines` is only the beginning of the list. */
  isCut: boolean
  /** The earliest `created` among its events; null when it was only fetched. */
  seenAt: number | null
  /** The earliest time at which it is known to be paid. */
  paidAt: number | null
  /** The latest failure. */
  failedAt: number | null
  /** It was voided, or given up as uncollectible, at this time: nobody asks for the money any more. */
  closedAt: number | null
  /**
   * The previous version of this service knew that it was paid. So what it gave is in the user's row, and it opens no
   * period.
   */
  former?: true
}

/** All that is known of a subscription. */
export interface Subscription {
  id: string
  /** By {@link keyOf}. */
  snapshots: ReadonlyMap<string, Snapshot>
  /** By id. */
  invoices: ReadonlyMap<string, Invoice>
  /** The previous version of this service saw it give access: its user is not welcomed again. */
  hadBegun: boolean
  /** The time of the latest fact about it. */
  lastEventAt: number
}

export interface SnapshotFact extends Snapshot {
  kind: 'snapshot'
  subscriptionId: string
}

export interface InvoiceFact {
  kind: 'invoice'
  subscriptionId: string
  invoiceId: string
  /** What happened to it. */
  outcome: 'paid' | 'failed' | 'closed'
  /** When: `created` of the event, or of a fetched one `status_transitions.paid_at`. */
  at: number
  /** `created` of the event; null when it was fetched. */
  seenAt: number | null
  reason: string | null
  startsAt: number | null
  lines: Line[]
  isCut: boolean
  /** `attempt_count`. */
  attempts: number
  /** `next_payment_attempt`; null when none is planned. */
  nextAttempt: number | null
}

/** A reconciliation has merged all subscriptions and paid invoices that Stripe has of the customer. */
export interface ListedFact {
  kind: 'listed'
}
export const LISTED: ListedFact = { kind: 'listed' }

/** One thing to merge into an account. */
export type Fact = SnapshotFact | InvoiceFact | ListedFact

/** Reasons of invoices that pay for a period. */
export const paysPeriod = (reason: string | null): boolean =>
  reason === 'subscription_create' || reason === 'subscription_cycle'

/** One text per state, whatever the order of its fields. */
export const stateKey = ({ status, flag, cancelAt, prices }: Partial<State>): string =>
  JSON.stringify([status, flag, cancelAt, prices])

/** An event's snapshot is known by its event; fetching the same state twice in a second is one. */
export const keyOf = ({ eventId, at, state, start }: Snapshot): string =>
  eventId === '' ? `fetched ${at} ${stateKey(state)} ${start}` : eventId

/** A subscription of which nothing is known yet. */
export const newSubscription = (id: string): Subscription => ({
  id,
  snapshots: new Map(),
  invoices: new Map(),
  hadBegun: false,
  lastEventAt: 0,
})
