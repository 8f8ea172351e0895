import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'

/** Drizzle outside a transaction of ours, with the columns' names as the tables have them. */
export const queryBuilder = (pool: pg.Pool) => drizzle({ client: pool, casing: 'snake_case' })
