import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'

/**
 * Errors that differ in numbers, ids and quoted names alone are one group. The function of the database is the only
 * place that folds them, so that the list, a link, a replay and the command line mean the same events.
 */
export const errorGroup = (error: SQLWrapper): SQL => sql`webhook_error_group(${error})`
