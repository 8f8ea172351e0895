import type { Subscription } from './facts.ts'
import type { Tier } from './tiers.ts'

/** The columns of a user's row that are about subscriptions. Times are unix seconds. */
export interface Row {
  tier: Tier | 'free'
  /** A known status, or any text that another service wrote. */
  status: string | null
  subscriptionId: string | null
  periodEnd: number | null
  cancels: boolean
  credits: number
}

/** All that is known of a user's subscriptions, and what Stripe cannot know: what was spent of each lot. */
export interface Account {
  /** The row as it was before the first event. */
  first: Row
  /** The row as it is now; other services change its credits. */
  row: Row
  /** A reconciliation has merged all that Stripe has of the customer. */
  listed: boolean
  subscriptions: ReadonlyMap<string, Subscription>
  /** By the key of the lot. */
  spent: ReadonlyMap<string, number>
  /** Credits that other services added. */
  added: number
  /** The credits that were written last. Other services have spent or added the difference to the row. */
  written: number
}
