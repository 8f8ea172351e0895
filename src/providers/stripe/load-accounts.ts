import { and, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm'
import { creditGrants, invoices, subscriptions, users } from '../../db/schema.ts'
import type { Transaction } from '../../db/transaction.ts'
import { lockUsers } from '../../domain/locks.ts'
import {
  type Account,
  hasAccess,
  isStatus,
  newSubscription,
  type Snapshot,
  type SubscriptionFacts,
} from './facts.ts'
import { type StripeEvent, subscriptionIdOf } from './payload.ts'
import { isTier, knownPricings, type Prices } from './tiers.ts'

/**
 * Reads what is known of the events' customers, and locks their users so that it stays true until the commit: another
 * replica, and a service that spends credits, wait.
 *
 * @returns the accounts by customer id; a customer whom no user has is missing.
 */
export const loadAccounts = async (
  tx: Transaction,
  events: StripeEvent[],
  prices: Prices,
): Promise<Map<string, Account>> => {
  const customerIds = [...new Set(events.flatMap(({ customerId }) => customerId ?? []))]
  const ofCustomers = inArray(users.stripeCustomerId, customerIds)
  const found = await tx.select({ id: users.id }).from(users).where(ofCustomers)
  if (found.length === 0) return new Map()
  await lockUsers(
    tx,
    found.map(({ id }) => String(id)),
  )
  // A statement of its own: what the lock waited for is seen only by the next snapshot.
  const rows = await tx.select().from(users).where(ofCustomers)
  const accounts = new Map(rows.map((row) => [row.stripeCustomerId ?? '', toAccount(row)]))
  const owners = ownersOf(events, accounts)
  await addSubscriptions(tx, [...accounts.values()], owners, prices)
  await addInvoices(tx, owners)
  return accounts
}

const toAccount = (row: typeof users.$inferSelect): Account => ({
  userId: String(row.id),
  email: row.email,
  shown: {
    subscriptionId: row.stripeSubscriptionId,
    tier: row.subscriptionTier,
    status: row.subscriptionStatus,
    periodEnd: toSeconds(row.currentPeriodEnd),
    cancels: row.cancelAtPeriodEnd,
  },
  credits: row.creditsRemaining,
  subscriptions: new Map(),
  invoices: new Map(),
  grants: [],
})

const toSeconds = (time: Date | null): number | null => time && Math.floor(time.getTime() / 1_000)

/** Whose the subscriptions and invoices are that the events are about. */
const ownersOf = (events: StripeEvent[], accounts: Map<string, Account>): Map<string, Account> => {
  const owners = new Map<string, Account>()
  for (const { customerId, object } of events) {
    const account = accounts.get(customerId ?? '')
    if (account === undefined) continue
    owners.set(object.id, account)
    const subscriptionId = subscriptionIdOf(object)
    if (subscriptionId !== undefined) owners.set(subscriptionId, account)
  }
  return owners
}

/** Adds all subscriptions of the users, and the greatest grant of each. */
const addSubscriptions = async (
  tx: Transaction,
  accounts: Account[],
  owners: Map<string, Account>,
  prices: Prices,
): Promise<void> => {
  const byUser = new Map(accounts.map((account) => [account.userId, account]))
  const userIds = accounts.map(({ userId }) => BigInt(userId))
  const rows = await tx
    .select()
    .from(subscriptions)
    .where(or(inArray(subscriptions.id, [...owners.keys()]), inArray(subscriptions.userId, userIds)))
  const owned = rows.flatMap((row) => {
    const account = owners.get(row.id) ?? byUser.get(String(row.userId))
    return account === undefined ? [] : [{ row, account }]
  })
  for (const { row, account } of owned) {
    if (row.facts !== null) account.subscriptions.set(row.id, { ...newSubscription(row.id), ...factsOf(row) })
  }
  for (const account of accounts) adoptShown(account)
  for (const { row, account } of owned) adoptRow(account, row, prices)
  const grants = await tx
    .selectDistinctOn([creditGrants.userId, creditGrants.subscriptionId])
    .from(creditGrants)
    .where(and(inArray(creditGrants.userId, userIds), isNotNull(creditGrants.periodStart)))
    .orderBy(
      creditGrants.userId,
      creditGrants.subscriptionId,
      sql`${creditGrants.periodStart} desc, ${creditGrants.credits} desc nulls last`,
    )
  for (const { userId, subscriptionId, periodStart, credits } of grants) {
    const subscription = byUser.get(String(userId))?.subscriptions.get(subscriptionId ?? '')
    const start = toSeconds(periodStart)
    if (subscription !== undefined && start !== null) subscription.grant = { start, credits: credits ?? 0 }
  }
}

/** Adds the invoices of the events, and those that are failing, for they show in a subscription's status. */
const addInvoices = async (tx: Transaction, owners: Map<string, Account>): Promise<void> => {
  const subscriptionOwners = new Map(
    owners.values().flatMap((account) => account.subscriptions.keys().map((id) => [id, account] as const)),
  )
  const ownerOf = (id: string) => owners.get(id) ?? subscriptionOwners.get(id)
  const rows = await tx
    .select()
    .from(invoices)
    .where(
      or(
        inArray(invoices.id, [...owners.keys()]),
        and(
          inArray(invoices.subscriptionId, [...owners.keys(), ...subscriptionOwners.keys()]),
          isNotNull(invoices.failedAt),
          isNull(invoices.paidAt),
        ),
      ),
    )
  for (const { id, subscriptionId, paidAt, failedAt } of rows) {
    const account = ownerOf(id) ?? ownerOf(subscriptionId ?? '')
    account?.invoices.set(id, {
      id,
      subscriptionId,
      paidAt: toSeconds(paidAt),
      failedAt: toSeconds(failedAt),
    })
  }
}

type SubscriptionRow = typeof subscriptions.$inferSelect

const factsOf = ({ facts, lastEventAt }: SubscriptionRow) => ({
  ...(facts as SubscriptionFacts),
  lastEventAt: toSeconds(lastEventAt) ?? 0,
})

/**
 * A subscription that the user's row showed before its first event came here is known by that row alone. It counts as
 * the oldest snapshot, so that an event about another one does not hide it, and nobody is welcomed a second time; and
 * the credits the user has count as its own, from before any period.
 */
const adoptShown = (account: Account): void => {
  const { subscriptionId: id, status, tier, periodEnd, cancels } = account.shown
  if (id === null || account.subscriptions.has(id) || !isTier(tier)) return
  // A paid tier without a status has access, as a payload without one.
  const known = status ?? 'active'
  if (!isStatus(known) || !hasAccess(known)) return
  const pricing = { priceId: null, tier, start: 0, end: periodEnd }
  adopt(account, id, { at: 0, eventId: '', status: known, cancels, pricing }, account.credits)
}

/** A row that another service made counts as a snapshot of its latest event, or as the oldest. */
const adoptRow = (account: Account, row: SubscriptionRow, prices: Prices): void => {
  const { id, status, priceId, currentPeriodEnd, lastEventAt } = row
  if (account.subscriptions.has(id) || status === null || !isStatus(status)) return
  const period = { priceId: priceId ?? undefined, start: 0, end: toSeconds(currentPeriodEnd) ?? undefined }
  const [pricing = null] = knownPricings([period], prices, 0)
  const at = toSeconds(lastEventAt) ?? 0
  adopt(account, id, { at, eventId: '', status, cancels: false, pricing }, null)
}

const adopt = (account: Account, id: string, snapshot: Snapshot, credits: number | null): void => {
  const hasPrice = snapshot.pricing !== null
  account.subscriptions.set(id, {
    ...newSubscription(id),
    newest: snapshot,
    priced: hasPrice ? snapshot : null,
    begun: hasPrice && hasAccess(snapshot.status),
    adopted: credits,
    lastEventAt: snapshot.at,
  })
}
