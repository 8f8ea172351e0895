import { getTableName, is } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import * as schema from './schema.ts'

const READ_AND_WRITE = 'select, insert, update, delete'

/**
 * Gives a role what the service does and nothing else: it reads and writes rows of the tables it knows and of
 * pg-boss's, and reads which migrations are applied. It owns nothing and can change no table. A role that is
 * missing is created. Repeating it changes nothing.
 *
 * @param client connected as the owner of the tables, who must be allowed to create roles if the role is missing.
 * @param password for the role; left as it is when undefined.
 */
export const grantService = async (client: pg.Client, role: string, password?: string): Promise<void> => {
  const name = client.escapeIdentifier(role)
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  if (rowCount === 0) await client.query(`create role ${name} login`)
  if (password !== undefined) {
    await client.query(`alter role ${name} password ${client.escapeLiteral(password)}`)
  }
  const tables = Object.values(schema).filter((value) => is(value, PgTable))
  const names = tables.map((table) => client.escapeIdentifier(getTableName(table)))
  await client.query(`
    grant ${READ_AND_WRITE} on ${names.join()} to ${name};
    grant usage on sequence webhook_deliveries_id_seq to ${name};
    grant select on webhook_payloads to ${name};
    grant execute on function webhook_make_days(date, integer), webhook_drop_day(date) to ${name};
    grant usage on schema drizzle, pgboss to ${name};
    grant select on all tables in schema drizzle to ${name};
    grant ${READ_AND_WRITE} on all tables in schema pgboss to ${name};
    grant usage on all sequences in schema pgboss to ${name};
    alter default privileges in schema pgboss grant ${READ_AND_WRITE} on tables to ${name};
    alter default privileges in schema pgboss grant usage on sequences to ${name}`)
}
