import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/**
 * What the spellings of one Message-ID have in common: it may stand without its angle brackets, and our own prefix
 * `outreach_` in any letter case.
 */
export const bareMessageId = (messageId: string): string =>
  messageId.replace(/^[<> ]+|[<> ]+$/g, '').replace(/^outreach_/i, 'outreach_')

/** What the index of `outreach.message_id` holds: equal for all spellings that have the same bare Message-ID. */
export const messageIdKey = (messageId: SQLWrapper): SQL => sql`lower(btrim(${messageId}, '<> '))`
