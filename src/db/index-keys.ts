import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/** What the index of `outreach.message_id` holds: equal for all spellings that have the same bare Message-ID. */
export const messageIdKey = (messageId: SQLWrapper): SQL => sql`lower(btrim(${messageId}, '<> '))`

/** What the index of `contacts` holds of an address: its domain, in lower case. */
export const domainKey = (email: SQLWrapper): SQL => sql`lower(split_part(${email}, '@', -1))`

/**
 * What the second unique index of `webhook_events` holds: 16 bytes that stand for a provider and a dedupe key, which has
 * 64 digits. It saves a seventh of the inbox's disk and a twelfth of its write-ahead log. Postgres must offer `md5`,
 * which FIPS mode forbids.
 */
export const factKey = (provider: SQLWrapper, dedupeKey: SQLWrapper): SQL =>
  sql`(md5(${provider} || ${dedupeKey})::uuid)`

/** Whether a row is of this fact, found through that index. */
export const isOfFact = (
  row: { provider: SQLWrapper; dedupeKey: SQLWrapper },
  provider: SQLWrapper,
  dedupeKey: SQLWrapper,
): SQL =>
  sql`${factKey(row.provider, row.dedupeKey)} = ${factKey(provider, dedupeKey)}
    and ${row.provider} = ${provider} and ${row.dedupeKey} = ${dedupeKey}`
