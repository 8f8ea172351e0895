import { and, eq, sql } from 'drizzle-orm'
import { derive } from '../../../billing/derive.ts'
import type { Subscription } from '../../../billing/facts.ts'
import { type Grant, ledgerOf } from '../../../billing/ledger.ts'
import { billingAccounts, creditGrants, subscriptions, users } from '../../../db/schema.ts'
import { excluded } from '../../../db/statement.ts'
import type { Transaction } from '../../../db/transaction.ts'
import type { Accounts, Held } from './load.ts'
import { saveInvoices } from './save-invoices.ts'
import { toStored, toTime } from './stored.ts'

/** Writes the changed accounts, in a constant number of statements. Their users are locked. */
export const saveAccounts = async (tx: Transaction, { held }: Accounts): Promise<void> => {
  const changed = [...held.values()]
    .filter(({ account, loaded }) => account !== loaded)
    .sort((a, b) => (BigInt(a.userId) < BigInt(b.userId) ? -1 : 1))
  if (changed.length === 0) return
  await saveUsers(tx, changed)
  await saveBilling(tx, changed)
  await saveSubscriptions(tx, changed)
  await moveGrants(tx, changed)
  await saveInvoices(
    tx,
    changed.flatMap(({ account, loaded }) =>
      [...account.subscriptions.values()].flatMap(({ id: subscriptionId, invoices }) => {
        const before = loaded.subscriptions.get(subscriptionId)?.invoices
        return [...invoices.values()]
          .filter((invoice) => before?.get(invoice.id) !== invoice)
          .map((invoice) => ({ subscriptionId, invoice }))
      }),
    ),
  )
  await saveGrants(tx, changed)
}

const saveUsers = async (tx: Transaction, changed: Held[]): Promise<void> => {
  const rows = changed.map(({ userId, account: { row } }) => ({ id: userId, ...row }))
  await tx
    .update(users)
    .set({
      stripeSubscriptionId: sql`v."subscriptionId"`,
      subscriptionTier: sql`v.tier`,
      subscriptionStatus: sql`v.status`,
      currentPeriodEnd: sql`to_timestamp(v."periodEnd")`,
      cancelAtPeriodEnd: sql`v.cancels`,
      creditsRemaining: sql`v.credits`,
    })
    .from(sql`json_to_recordset(${JSON.stringify(rows)}::json) as v(id bigint, "subscriptionId" text, tier text,
      status text, "periodEnd" bigint, cancels boolean, credits int)`)
    .where(eq(users.id, sql`v.id`))
}

const saveBilling = async (tx: Transaction, changed: Held[]): Promise<void> => {
  const rows = changed.map(({ userId, account: { first, listed, spent, added, written } }) => ({
    userId: BigInt(userId),
    firstRow: first,
    listed,
    spent: Object.fromEntries(spent),
    added,
    written,
  }))
  const { userId, firstRow, listed, spent, added, written } = billingAccounts
  await tx
    .insert(billingAccounts)
    .values(rows)
    .onConflictDoUpdate({
      target: userId,
      set: {
        firstRow: excluded(firstRow),
        listed: excluded(listed),
        spent: excluded(spent),
        added: excluded(added),
        written: excluded(written),
      },
    })
}

/** Whose facts have changed, or who have moved to another account. */
const changedSubscriptions = ({ account, loaded }: Held): Subscription[] =>
  [...account.subscriptions.values()].filter((one) => loaded.subscriptions.get(one.id) !== one)

const saveSubscriptions = async (tx: Transaction, changed: Held[]): Promise<void> => {
  const rows = changed.flatMap((held) => {
    const { standings } = derive(held.account)
    return changedSubscriptions(held).map((subscription) => {
      const { status = null, plan = null } = standings.get(subscription.id) ?? {}
      return {
        id: subscription.id,
        userId: BigInt(held.userId),
        status,
        priceId: plan?.priceId ?? null,
        currentPeriodEnd: toTime(plan?.end ?? null),
        lastEventAt: toTime(subscription.lastEventAt),
        facts: toStored(subscription),
      }
    })
  })
  if (rows.length === 0) return
  const { id, userId, status, priceId, currentPeriodEnd, lastEventAt, facts } = subscriptions
  await tx
    .insert(subscriptions)
    .values(rows.sort((a, b) => (a.id < b.id ? -1 : 1)))
    .onConflictDoUpdate({
      target: id,
      set: {
        userId: excluded(userId),
        lastEventAt: sql`greatest(${lastEventAt}, ${excluded(lastEventAt)})`,
        facts: excluded(facts),
        // A value that no fact gives yet stays as another service may have written it.
        status: sql`coalesce(${excluded(status)}, ${status})`,
        priceId: sql`coalesce(${excluded(priceId)}, ${priceId})`,
        currentPeriodEnd: sql`coalesce(${excluded(currentPeriodEnd)}, ${currentPeriodEnd})`,
      },
    })
}

/** The ledger of a subscription goes with it to another account. */
const moveGrants = async (tx: Transaction, changed: Held[]): Promise<void> => {
  const rows = changed.flatMap(({ userId, loaded }) =>
    [...loaded.subscriptions.keys()].flatMap((id) => {
      const taker = changed.find((other) => other.userId !== userId && other.account.subscriptions.has(id))
      return taker === undefined ? [] : [{ id, from: userId, to: taker.userId }]
    }),
  )
  if (rows.length === 0) return
  await tx
    .update(creditGrants)
    .set({ userId: sql`v."to"` })
    .from(sql`json_to_recordset(${JSON.stringify(rows)}::json) as v(id text, "from" bigint, "to" bigint)`)
    .where(and(eq(creditGrants.subscriptionId, sql`v.id`), eq(creditGrants.userId, sql`v."from"`)))
}

/** Rows of the ledger that the facts added, and their times as all facts give them. */
const saveGrants = async (tx: Transaction, changed: Held[]): Promise<void> => {
  const rows = changed.flatMap(({ userId, account, loaded }) => {
    const known = new Map(ledgerOf(derive(loaded)).map(({ key, at }) => [key, at]))
    const isNew = ({ key, at }: Grant) => at !== known.get(key)
    return ledgerOf(derive(account))
      .filter(isNew)
      .map(({ key, subscriptionId, periodStart, credits, at }) => ({
        userId: BigInt(userId),
        grantKey: key,
        subscriptionId,
        periodStart: toTime(periodStart),
        credits,
        grantedAt: toTime(at),
      }))
  })
  if (rows.length === 0) return
  const { userId, grantKey, grantedAt } = creditGrants
  await tx
    .insert(creditGrants)
    .values(rows)
    .onConflictDoUpdate({ target: [userId, grantKey], set: { grantedAt: excluded(grantedAt) } })
}
