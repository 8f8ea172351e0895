import type pg from 'pg'
import { queueRights, tableRights } from './rights.ts'
import { scramVerifier } from './scram.ts'

/** The schemas whose names this project gives; pg-boss's and Drizzle's. */
const SCHEMAS = 'drizzle, pgboss'

/**
 * Gives a role what the service does and nothing else (see rights.ts). It owns nothing and can change no table. A role
 * that is missing is created; one with more rights, from an earlier version or given by hand, loses them. Repeating it
 * changes nothing.
 *
 * @param client connected as the owner of the tables, who must be allowed to create roles if the role is missing.
 * @param password for the role, in printable ASCII; left as it is when undefined. The server never sees it.
 */
export const grantService = async (client: pg.Client, role: string, password?: string): Promise<void> => {
  const name = client.escapeIdentifier(role)
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  if (rowCount === 0) await client.query(`create role ${name} login`)
  if (password !== undefined) {
    await client.query(`alter role ${name} password ${client.escapeLiteral(scramVerifier(password))}`)
  }
  const rights = [...tableRights(), ...queueRights(await queueTables(client))]
  const functions = await definedFunctions(client)
  // One query is one transaction: a service that runs has its rights at every moment.
  await client.query(`
    ${revokeAll(name, functions)}
    grant usage on schema ${SCHEMAS} to ${name};
    grant select on all tables in schema drizzle to ${name};
    ${rights.map(({ privilege, table }) => `grant ${privilege} on ${table} to ${name};`).join('\n')}
    grant usage on all sequences in schema pgboss to ${name};
    ${functions.map((one) => `grant execute on function ${one} to ${name};`).join('\n')}`)
}

/**
 * Takes all rights from a role and deletes it. Its sessions go on until they end, without the rights.
 * @throws when it owns something, or has rights elsewhere.
 */
export const removeService = async (client: pg.Client, role: string): Promise<void> => {
  const name = client.escapeIdentifier(role)
  await client.query(`${revokeAll(name, await definedFunctions(client))} drop role ${name};`)
}

/** Of every kind that a version of this file has ever given. A right on a table takes those on its columns with it. */
const revokeAll = (name: string, functions: string[]): string => `
  revoke all on ${[...new Set(tableRights().map(({ table }) => table))].join()} from ${name};
  revoke all on all tables in schema ${SCHEMAS} from ${name};
  revoke all on all sequences in schema ${SCHEMAS} from ${name};
  revoke all on schema ${SCHEMAS} from ${name};
  ${functions.map((one) => `revoke all on function ${one} from ${name};`).join('\n')}
  alter default privileges in schema pgboss revoke all on tables from ${name};
  alter default privileges in schema pgboss revoke all on sequences from ${name};`

const queueTables = async (client: pg.Client): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = 'pgboss'::regnamespace and c.relkind in ('r', 'p', 'v')`,
  )
  return rows.map((row) => row.name)
}

/**
 * What the role may do beyond its own rights, each in one narrow way: functions that run with the owner's. Nobody else may
 * call them, and their `search_path` is fixed, or a caller's own tables and functions would run with those rights.
 */
const definedFunctions = async (client: pg.Client): Promise<string[]> => {
  const { rows } = await client.query<{ signature: string }>(
    `select p.oid::regprocedure::text as signature from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.prosecdef and starts_with(p.proname, 'webhook_')`,
  )
  return rows.map((row) => row.signature)
}
