import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/** What the index of `contacts` holds of an address: its domain, in lower case. */
export const domainKey = (email: SQLWrapper): SQL => sql`lower(split_part(${email}, '@', -1))`
