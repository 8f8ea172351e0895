import { type SQLWrapper, sql } from 'drizzle-orm'
import type pg from 'pg'
import { toStatement } from './statement.ts'
import type { Transaction } from './transaction.ts'

/**
 * Runs a statement as a prepared one: for those of joins and several tables, whose planning takes Postgres longer than
 * their execution. With `keepPlans` a connection plans it once.
 *
 * @param name one per text: the text must be the same at every call, so a list is one array parameter.
 */
export const executePrepared = async <Row extends pg.QueryResultRow>(
  tx: Transaction,
  name: string,
  statement: SQLWrapper,
): Promise<Row[]> => {
  const { rows } = await tx.$client.query<Row>({ name, ...toStatement(statement.getSQL()) })
  return rows
}

/**
 * Until the end of the transaction, prepared statements keep their plan whatever the parameters are, and read tables by
 * their indexes. Postgres would otherwise plan them again for every mail, which takes several times as long as to execute
 * them; and without the parameters it guesses that some row is soon found in a whole table, which a stranger's mail is not.
 */
export const keepPlans = async (tx: Transaction): Promise<void> => {
  await tx.execute(sql`
    select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)`)
}
