import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/** The subscription that a user's row named before the first event. @param firstRow `billing_accounts.first_row`. */
export const namedBefore = (firstRow: SQLWrapper): SQL => sql`(${firstRow} ->> 'subscriptionId')`
