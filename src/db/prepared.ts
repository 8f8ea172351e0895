import type { SQLWrapper } from 'drizzle-orm'
import type pg from 'pg'
import { toStatement } from './statement.ts'
import type { Transaction } from './transaction.ts'

/**
 * Runs a statement as a prepared one: for statements with several tables, which take Postgres longer to plan than to
 * run. With `KEEP_PLANS` a connection plans it once.
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
 * Settings for a transaction whose updates take rows from a list: each joins the list with its table row by row, so rows
 * are locked and written in the list's order. A hash join would take a small table's order.
 */
export const IN_ORDER_OF_THE_LIST = 'set local enable_hashjoin = off; set local enable_mergejoin = off'

/**
 * Settings for a transaction whose prepared statements keep one plan for all parameters and read tables through their
 * indexes, in index order. Without the first, Postgres plans them again for every mail, which takes several times as
 * long as running them. Without the other two, a plan made without parameters guesses wrong: that a scan of the whole
 * table soon finds a row (not for a stranger's mail), and that a mailbox has few rows, which are cheap to sort.
 */
export const KEEP_PLANS =
  'set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off; set local enable_sort = off'
