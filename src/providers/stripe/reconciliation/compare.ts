import type pg from 'pg'
import type Stripe from 'stripe'
import type { Account } from '../../../billing/account.ts'
import { applyFact } from '../../../billing/apply.ts'
import { givesAccess, LISTED } from '../../../billing/facts.ts'
import { inTransaction, type Transaction } from '../../../db/transaction.ts'
import type { Notification } from '../../../notifications/queues.ts'
import { type Accounts, type Held, loadAccounts, type Owner } from '../accounts/load.ts'
import { saveAccounts } from '../accounts/save.ts'
import { heldBy, takeFact } from '../accounts/take.ts'
import { notificationsOf } from '../notices.ts'
import type { Prices } from '../prices.ts'
import { type Difference, differencesOf, missingAtStripe } from './differences.ts'
import { type FetchedCustomer, fetchCustomer } from './fetch.ts'

/** Nothing is sent about a fact older than this. Milliseconds. */
const NEWS = 86_400_000

/** A difference, and whose it is: the customer's user, or one whose subscription the customer id has taken along. */
type UserDifference = Difference & { userId: string }

/** The result for one customer. */
export type Compared = {
  customerId: string
  unknownPrices: string[]
} & (
  | { outcome: 'same'; userId: string | null } // null: no user here, and nothing with access at Stripe
  /** `remaining` are those that merging does not settle. */
  | { outcome: 'differs'; userId: string; differences: UserDifference[]; remaining: UserDifference[] }
  /** The customer has no user here, but has subscriptions with access. */
  | { outcome: 'no user'; subscriptions: { id: string; status: string }[] }
  /** Stripe knows no such customer: the key may be another account's, or another mode's. */
  | { outcome: 'not at Stripe' }
)

export interface CompareOptions {
  stripe: Stripe
  pool: pg.Pool
  prices: Prices
  clock: () => Date
  /** Queues notifications in the transaction that applies the facts. Undefined: it is only compared. */
  apply?: ((tx: Transaction, notifications: Notification[]) => Promise<void>) | undefined
}

/**
 * Compares what is known here of a customer with what Stripe has, and merges the differences when asked to, in one
 * transaction: all of the customer or nothing.
 *
 * @throws a `StripeError` when Stripe does not answer, and the database's errors.
 */
export const compareCustomer = async (customerId: string, options: CompareOptions): Promise<Compared> => {
  const fetched = await fetchCustomer(options.stripe, customerId, options.prices)
  if (fetched === undefined) return { customerId, unknownPrices: [], outcome: 'not at Stripe' }
  return inTransaction(options.pool, (tx) => compare(fetched, tx, options))
}

const compare = async (
  fetched: FetchedCustomer,
  tx: Transaction,
  { apply, clock }: CompareOptions,
): Promise<Compared> => {
  const { customerId, unknownPrices } = fetched
  const owners = ownersOf(fetched)
  const accounts = await loadAccounts(tx, owners)
  const owner = owners.map((one) => heldBy(accounts, one)).find((held) => held !== undefined)
  if (owner === undefined) {
    const subscriptions = liveOf(fetched)
    if (subscriptions.length === 0) return { customerId, unknownPrices, outcome: 'same', userId: null }
    return { customerId, unknownPrices, outcome: 'no user', subscriptions }
  }
  const notifications = mergeAll(fetched, owner, accounts, clock())
  // Of a subscription that comes from another account, that one's as well.
  const repaired = [...accounts.held.values()].flatMap(({ userId, loaded, account }) =>
    differencesOf(loaded, account).map((one) => ({ userId, ...one })),
  )
  const { userId } = owner
  const missing = missingAtStripe(owner.account, fetched.subscriptionIds).map((one) => ({ userId, ...one }))
  if (apply !== undefined) {
    await saveAccounts(tx, accounts)
    await apply(tx, notifications)
  }
  const differences = [...repaired, ...missing]
  if (differences.length === 0) return { customerId, unknownPrices, outcome: 'same', userId }
  return { customerId, unknownPrices, outcome: 'differs', userId, differences, remaining: missing }
}

const ownersOf = ({ customerId, facts }: FetchedCustomer): Owner[] => [
  { customerId, subscriptionId: undefined },
  ...facts.map(({ fact }) => ({ customerId, subscriptionId: fact.subscriptionId })),
]

const liveOf = ({ facts }: FetchedCustomer) =>
  facts.flatMap(({ fact }) =>
    fact.kind === 'snapshot' && givesAccess(fact.state.status)
      ? [{ id: fact.subscriptionId, status: fact.state.status }]
      : [],
  )

/** Merges all facts into the accounts, in memory. @returns the notices that follow. */
const mergeAll = (
  { customerId, facts, isUnclear }: FetchedCustomer,
  owner: Held,
  accounts: Accounts,
  now: Date,
): Notification[] => {
  const notifications = facts.flatMap(({ fact, happenedAt }) => {
    const taken = takeFact(accounts, fact, customerId)
    if (taken === undefined) return []
    const { held, notices } = taken
    const silent = now.getTime() - happenedAt * 1_000 > NEWS
    return notices
      .flatMap((notice) => notificationsOf(notice, { ...held, customerId, hostedUrl: null }, null))
      .map((notification) => ({ ...notification, silent }))
  })
  // Stripe may list the earlier subscription in a form that is not understood, so it does not count as missing.
  if (!isUnclear) owner.account = listed(owner.account)
  return notifications
}

const listed = (account: Account): Account => applyFact(account, LISTED).account
