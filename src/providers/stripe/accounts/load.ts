import { eq, inArray, or } from 'drizzle-orm'
import { union } from 'drizzle-orm/pg-core'
import type { Account, Row } from '../../../billing/account.ts'
import { openAccount } from '../../../billing/before.ts'
import type { Subscription } from '../../../billing/facts.ts'
import { isTier } from '../../../billing/tiers.ts'
import { namedBefore } from '../../../db/named-before.ts'
import { billingAccounts, invoices, subscriptions, users } from '../../../db/schema.ts'
import type { Transaction } from '../../../db/transaction.ts'
import { lockUsers } from '../../../domain/locks.ts'
import { readStored, toSeconds } from './stored.ts'

/** A user's account, and what of it has to be saved. */
export interface Held {
  userId: string
  email: string
  account: Account
  /** As it was loaded. */
  loaded: Account
}

/** The accounts that some events are about. Their users are locked. */
export interface Accounts {
  /** By user id. */
  held: Map<string, Held>
  /** The user that has a customer id. */
  userOfCustomer: Map<string, string>
  /** The user that a subscription belongs to. */
  userOfSubscription: Map<string, string>
}

/** Whose an event is: the user with the customer id, else the user that the subscription belongs to. */
export interface Owner {
  customerId: string | undefined
  subscriptionId: string | undefined
}

/**
 * Reads all that is known of the events' users, and locks them so that it stays true until the commit: another
 * replica, and a service that spends credits, wait. A constant number of statements.
 */
export const loadAccounts = async (tx: Transaction, owners: Owner[]): Promise<Accounts> => {
  const customerIds = [...new Set(owners.flatMap(({ customerId }) => customerId ?? []))]
  const subscriptionIds = [...new Set(owners.flatMap(({ subscriptionId }) => subscriptionId ?? []))]
  const userIds = await findUsers(tx, customerIds, subscriptionIds)
  if (userIds.length === 0) {
    return { held: new Map(), userOfCustomer: new Map(), userOfSubscription: new Map() }
  }
  await lockUsers(tx, userIds.map(String))
  // Separate statements: only a new snapshot shows what was committed while the lock waited.
  const rows = await tx.select().from(users).where(inArray(users.id, userIds))
  const ofUsers = await tx
    .select()
    .from(subscriptions)
    .where(or(inArray(subscriptions.userId, userIds), inArray(subscriptions.id, subscriptionIds)))
  const known = await readSubscriptions(tx, ofUsers)
  const stored = await tx.select().from(billingAccounts).where(inArray(billingAccounts.userId, userIds))
  const storedOf = new Map(stored.map((one) => [one.userId, one]))
  const held = rows.map((row): [string, Held] => {
    const account = readAccount(row, known.get(row.id) ?? new Map(), storedOf.get(row.id))
    const userId = String(row.id)
    return [userId, { userId, email: row.email, account, loaded: account }]
  })
  return {
    held: new Map(held),
    userOfCustomer: new Map(
      rows.flatMap(({ id, stripeCustomerId }) =>
        stripeCustomerId === null ? [] : [[stripeCustomerId, String(id)]],
      ),
    ),
    userOfSubscription: new Map(
      ofUsers.flatMap(({ id, userId }) => (userId === null ? [] : [[id, String(userId)]])),
    ),
  }
}

/**
 * The users with these customer ids, and those that these subscriptions belong to. Of a customer id that has moved, the
 * user that it left, too: another service's row names the subscription, now or before its first event.
 */
const findUsers = async (
  tx: Transaction,
  customerIds: string[],
  subscriptionIds: string[],
): Promise<bigint[]> => {
  const byCustomer = tx
    .select({ id: users.id })
    .from(users)
    .where(inArray(users.stripeCustomerId, customerIds))
  const bySubscription = tx
    .select({ id: users.id })
    .from(users)
    .innerJoin(subscriptions, eq(subscriptions.userId, users.id))
    .where(inArray(subscriptions.id, subscriptionIds))
  const named = tx
    .select({ id: users.id })
    .from(users)
    .where(inArray(users.stripeSubscriptionId, subscriptionIds))
  const namedFirst = tx
    .select({ id: billingAccounts.userId })
    .from(billingAccounts)
    .where(inArray(namedBefore(billingAccounts.firstRow), subscriptionIds))
  const found = await union(byCustomer, bySubscription, named, namedFirst)
  return found.map(({ id }) => id)
}

/** By user id, then by their own. */
const readSubscriptions = async (
  tx: Transaction,
  rows: (typeof subscriptions.$inferSelect)[],
): Promise<Map<bigint | null, Map<string, Subscription>>> => {
  const ids = rows.map(({ id }) => id)
  const ofThem =
    ids.length === 0 ? [] : await tx.select().from(invoices).where(inArray(invoices.subscriptionId, ids))
  const invoicesOf = Map.groupBy(ofThem, ({ subscriptionId }) => subscriptionId)
  const byUser = new Map<bigint | null, Map<string, Subscription>>()
  for (const row of rows) {
    const subscription = readStored(row, invoicesOf.get(row.id) ?? [])
    if (subscription === undefined) continue
    const ofUser = byUser.get(row.userId) ?? new Map()
    byUser.set(row.userId, ofUser.set(row.id, subscription))
  }
  return byUser
}

const readAccount = (
  user: typeof users.$inferSelect,
  known: Map<string, Subscription>,
  stored: typeof billingAccounts.$inferSelect | undefined,
): Account => {
  const row = readRow(user)
  // Without any facts the stored subscription says no more than the user's row.
  if (stored === undefined || (known.size === 0 && !stored.listed))
    return { ...openAccount(row), subscriptions: known }
  const { firstRow, listed, spent, added, written } = stored
  return {
    first: firstRow as Row,
    row,
    listed,
    subscriptions: known,
    spent: new Map(Object.entries(spent as Record<string, number>)),
    added,
    written,
  }
}

const readRow = (user: typeof users.$inferSelect): Row => ({
  tier: isTier(user.subscriptionTier) ? user.subscriptionTier : 'free',
  status: user.subscriptionStatus,
  subscriptionId: user.stripeSubscriptionId,
  periodEnd: toSeconds(user.currentPeriodEnd),
  cancels: user.cancelAtPeriodEnd,
  credits: user.creditsRemaining,
})
