import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/** What the index of `outreach.message_id` holds: equal for all spellings that have the same bare Message-ID. */
export const messageIdKey = (messageId: SQLWrapper): SQL => sql`lower(btrim(${messageId}, '<> '))`

/** What the index of `contacts` holds of an address: its domain, in lower case. */
export const domainKey = (email: SQLWrapper): SQL => sql`lower(split_part(${email}, '@', -1))`
