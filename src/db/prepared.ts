import type { SQLWrapper } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import type { Transaction } from './transaction.ts'

const dialect = new PgDialect({ casing: 'snake_case' })

/**
 * Runs a statement that a connection plans only once: for those of joins and several tables, whose planning takes
 * Postgres longer than their execution.
 *
 * @param name one per text: the text must be the same at every call, so a list is one array parameter.
 */
export const executePrepared = async <Row extends pg.QueryResultRow>(
  tx: Transaction,
  name: string,
  statement: SQLWrapper,
): Promise<Row[]> => {
  const { sql: text, params: values } = dialect.sqlToQuery(statement.getSQL())
  const { rows } = await tx.$client.query<Row>({ name, text, values })
  return rows
}
