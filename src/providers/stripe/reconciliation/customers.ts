import { asc, ne } from 'drizzle-orm'
import type pg from 'pg'
import type Stripe from 'stripe'
import { givesAccess } from '../../../billing/facts.ts'
import { queryBuilder } from '../../../db/query-builder.ts'
import { users } from '../../../db/schema.ts'
import { customerIdOf } from '../json.ts'

/** Whom a reconciliation looks at. */
export interface Examined {
  customerIds: string[]
  /** Users with a paid tier who have no customer id, so that nothing tells who pays for them. */
  usersWithoutCustomer: string[]
}

/**
 * Every paid user, and every customer with a live subscription. @throws a `StripeError` when Stripe does not answer.
 */
export const findCustomers = async (stripe: Stripe, pool: pg.Pool): Promise<Examined> => {
  const paid = await queryBuilder(pool)
    .select({ id: users.id, customerId: users.stripeCustomerId })
    .from(users)
    .where(ne(users.subscriptionTier, 'free'))
    .orderBy(asc(users.id))
  const customerIds = new Set(paid.flatMap(({ customerId }) => customerId ?? []))
  // Without a status Stripe lists those that have not ended.
  for await (const subscription of stripe.subscriptions.list({ limit: 100 })) {
    const customerId = customerIdOf(subscription)
    if (customerId !== undefined && givesAccess(subscription.status)) customerIds.add(customerId)
  }
  const usersWithoutCustomer = paid.flatMap(({ id, customerId }) => (customerId === null ? [String(id)] : []))
  return { customerIds: [...customerIds], usersWithoutCustomer }
}
