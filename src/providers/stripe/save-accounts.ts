import { sql } from 'drizzle-orm'
import type { Transaction } from '../../db/transaction.ts'
import type { Account, Subscription, SubscriptionFacts } from './facts.ts'
import { standingOf } from './standing.ts'

/** Writes what is known of the customers now. Their users must be locked. */
export const saveAccounts = async (tx: Transaction, accounts: Account[]): Promise<void> => {
  await saveUsers(tx, accounts)
  await saveSubscriptions(tx, accounts)
  await saveInvoices(tx, accounts)
  await saveGrants(tx, accounts)
}

const rowsOf = (rows: object[]) => sql`${JSON.stringify(rows)}::json`

const saveUsers = async (tx: Transaction, accounts: Account[]): Promise<void> => {
  const rows = accounts.map(({ userId, shown, credits }) => ({
    id: userId,
    subscription_id: shown.subscriptionId,
    tier: shown.tier,
    status: shown.status,
    period_end: shown.periodEnd,
    cancels: shown.cancels,
    credits,
  }))
  await tx.execute(sql`
    update users u
    set stripe_subscription_id = v.subscription_id, subscription_tier = v.tier, subscription_status = v.status,
        current_period_end = to_timestamp(v.period_end), cancel_at_period_end = v.cancels, credits_remaining = v.credits
    from json_to_recordset(${rowsOf(rows)}) as v(id bigint, subscription_id text, tier text, status text,
                                                 period_end bigint, cancels boolean, credits int)
    where u.id = v.id`)
}

const saveSubscriptions = async (tx: Transaction, accounts: Account[]): Promise<void> => {
  const rows = accounts.flatMap((account) =>
    [...account.subscriptions.values()].map((subscription) => {
      const { status, pricing } = standingOf(account, subscription)
      return {
        id: subscription.id,
        user_id: account.userId,
        status,
        price_id: pricing?.priceId ?? null,
        period_end: pricing?.end ?? null,
        last_event_at: subscription.lastEventAt,
        facts: factsOf(subscription),
      }
    }),
  )
  // What nothing tells yet stays as another service may have written it.
  await tx.execute(sql`
    insert into subscriptions (id, user_id, status, price_id, current_period_end, last_event_at, facts)
    select id, user_id, status, price_id, to_timestamp(period_end), to_timestamp(last_event_at), facts
    from json_to_recordset(${rowsOf(rows)}) as v(id text, user_id bigint, status text, price_id text,
                                                 period_end bigint, last_event_at bigint, facts jsonb)
    order by id
    on conflict (id) do update
    set user_id = excluded.user_id, last_event_at = excluded.last_event_at, facts = excluded.facts,
        status = coalesce(excluded.status, subscriptions.status),
        price_id = coalesce(excluded.price_id, subscriptions.price_id),
        current_period_end = coalesce(excluded.current_period_end, subscriptions.current_period_end)`)
}

/** What is not in a column or in the ledger. */
const factsOf = ({ newest, priced, paidPeriod, paid, begun, adopted }: Subscription): SubscriptionFacts => ({
  newest,
  priced,
  paidPeriod,
  paid,
  begun,
  adopted,
})

const saveInvoices = async (tx: Transaction, accounts: Account[]): Promise<void> => {
  const rows = accounts.flatMap(({ invoices }) =>
    [...invoices.values()].map(({ id, subscriptionId, paidAt, failedAt }) => ({
      id,
      subscription_id: subscriptionId,
      paid_at: paidAt,
      failed_at: failedAt,
    })),
  )
  if (rows.length === 0) return
  await tx.execute(sql`
    insert into invoices (id, subscription_id, paid_at, failed_at)
    select id, subscription_id, to_timestamp(paid_at), to_timestamp(failed_at)
    from json_to_recordset(${rowsOf(rows)}) as v(id text, subscription_id text, paid_at bigint, failed_at bigint)
    order by id
    on conflict (id) do update
    set subscription_id = excluded.subscription_id, paid_at = excluded.paid_at, failed_at = excluded.failed_at`)
}

const saveGrants = async (tx: Transaction, accounts: Account[]): Promise<void> => {
  const rows = accounts.flatMap(({ userId, grants }) =>
    grants.map(({ key, subscriptionId, start, credits, at }) => ({
      user_id: userId,
      key,
      subscription_id: subscriptionId,
      start,
      credits,
      at,
    })),
  )
  if (rows.length === 0) return
  // Of several events that grant the same the earliest is told of, whichever came first.
  await tx.execute(sql`
    insert into credit_grants (user_id, grant_key, subscription_id, period_start, credits, granted_at)
    select distinct on (user_id, key) user_id, key, subscription_id, to_timestamp(start), credits, to_timestamp(at)
    from json_to_recordset(${rowsOf(rows)}) as v(user_id bigint, key text, subscription_id text, start bigint,
                                                 credits int, at bigint)
    order by user_id, key, at
    on conflict (user_id, grant_key) do update
    set granted_at = excluded.granted_at where excluded.granted_at < credit_grants.granted_at`)
}
