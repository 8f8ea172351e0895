import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'

/** Drizzle's query builder for statements outside a transaction, with column names in snake_case. */
export const queryBuilder = (pool: pg.Pool) => drizzle({ client: pool, casing: 'snake_case' })
