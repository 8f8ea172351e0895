import { type Column, type SQL, sql } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'

/** In `on conflict do update`: the value that the insert would have written. */
export const excluded = (column: Column): SQL => sql`excluded.${sql.identifier(toSnakeCase(column.name))}`
