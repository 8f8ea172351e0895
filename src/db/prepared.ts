import type { SQLWrapper } from 'drizzle-orm'
import type pg from 'pg'
import { toStatement } from './statement.ts'
import type { Transaction } from './transaction.ts'

/**
 * Runs a statement as a prepared one: for those of joins and several tables, whose planning takes Postgres longer than
 * their execution. With `KEEP_PLANS` a connection plans it once.
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
 * The settings of a transaction in which prepared statements keep their plan whatever the parameters are, and read tables
 * by their indexes, in the order of these. Postgres would otherwise plan them again for every mail, which takes several
 * times as long as to execute them. And without the parameters it guesses: that some row is soon found in a whole table,
 * which a stranger's mail is not; that a mailbox has few rows, which may as well be sorted.
 */
export const KEEP_PLANS =
  'set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off; set local enable_sort = off'
