import { type AnyColumn, fillPlaceholders, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'
import { PgDialect } from 'drizzle-orm/pg-core'

/** A prepared statement with its values, as `pg` takes it. */
export interface BoundStatement {
  name: string
  text: string
  values: unknown[]
}

const dialect = new PgDialect({ casing: 'snake_case' })

/**
 * A statement that every connection prepares once. It names tables and columns through the schema, and its values as
 * `sql.placeholder('name')`.
 *
 * @param name one per text: a connection refuses the same name for another text.
 * @returns a function that binds values to it.
 */
export const statement = <Name extends string>(name: string, query: SQL) => {
  const { sql: text, params } = dialect.sqlToQuery(query)
  return (values: Record<Name, unknown>): BoundStatement => ({
    name,
    text,
    values: fillPlaceholders(params, values),
  })
}

/** A statement as `pg` takes it: planned each time, as what people ask for is, unless it is given a name. */
export const toStatement = (query: SQL): { text: string; values: unknown[] } => {
  const { sql: text, params: values } = dialect.sqlToQuery(query)
  return { text, values }
}

/** A column's name in the table. */
export const columnName = ({ name, keyAsName }: AnyColumn): string => (keyAsName ? toSnakeCase(name) : name)

/** A column without its table, as an insert's list and the left side of a `set` want it. */
export const column = (one: AnyColumn): SQL => sql`${sql.identifier(columnName(one))}`

/** Several of them, separated by commas. */
export const columns = (...all: AnyColumn[]): SQL => sql.join(all.map(column), sql`, `)

/** In `on conflict do update`: the value that the insert would have written. */
export const excluded = (one: AnyColumn): SQL => sql`excluded.${column(one)}`

/** A `select` list whose rows have these fields: each a column, or an expression. */
export const fields = (all: Record<string, SQLWrapper>): SQL =>
  sql.join(
    Object.entries(all).map(([name, value]) => sql`${value} as ${sql.identifier(name)}`),
    sql`, `,
  )

/**
 * An array in Postgres's notation, for `${placeholder}::text[]`. `pg` writes it as well, but member by member, with ten
 * times the garbage. JSON is the same notation but for its brackets, and for escapes of other characters than quotes.
 */
export const textArray = (values: (string | null)[]): string => {
  const json = JSON.stringify(values)
  if (!json.includes('\\')) return `{${json.slice(1, -1)}}`
  return `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`)).join()}}`
}

/** The same of values that need no quotes. */
export const plainArray = (values: (string | number | null)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join()}}`
