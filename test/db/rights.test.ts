import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { grantService } from '../../src/db/grant.ts'
import { scramVerifier } from '../../src/db/scram.ts'
import { asService, cloneDatabase } from '../database.ts'
import { deliverAndSettle, event, seedOutreach, startSendgrid } from '../providers/sendgrid/deliveries.ts'
import { eventually } from '../service.ts'

let database: Awaited<ReturnType<typeof cloneDatabase>>
let role: pg.Client
beforeAll(async () => {
  database = await cloneDatabase()
  role = new pg.Client({ connectionString: asService(database.url) })
  await role.connect()
})
afterAll(async () => {
  await role.end()
  await database.drop()
})

describe('the role that db:migrate creates for the service', () => {
  test.each([
    'create table invented (id int)',
    'create table pgboss.invented (id int)',
    'create schema invented',
    'create function invented() returns int language sql return 1',
    'create role invented',
    'drop table outreach',
    'alter table outreach add column invented int',
    'create index on outreach (sent_at)',
    'create trigger invented before update on outreach execute function suppress_redundant_updates_trigger()',
    'truncate webhook_events',
    'delete from drizzle.__drizzle_migrations',
    'alter role current_user superuser',
    // People, and what belongs to other services.
    'delete from users',
    'delete from contacts',
    "insert into users (email) values ('x@example.com')",
    "insert into contacts (email) values ('x@example.com')",
    "update users set email = 'x@example.com'",
    "update users set stripe_customer_id = 'cus_x'",
    "update contacts set email = 'x@example.com'",
    'update contacts set company_id = null',
    'update outreach set contact_id = null',
    "update outreach set from_mailbox = 'x'",
    'delete from outreach',
    'insert into outreach default values',
    "update mailboxes set email = 'x@example.com'",
    "insert into mailboxes (email) values ('x@example.com')",
    'delete from mailboxes',
    'update applications set user_id = null',
    'delete from applications',
    "update companies set name = 'x'",
    'delete from jobs',
    'update sequence_steps set scheduled_at = now()',
    'delete from sequence_steps',
    'delete from inbound_messages',
    'update inbound_messages set received_at = now()',
    'delete from subscriptions',
    'delete from invoices',
    'delete from credit_grants',
    "update push_subscriptions set endpoint = 'https://evil.example'",
    'insert into push_subscriptions default values',
    // What operators did.
    "update operator_actions set reason = 'x'",
    "update operator_actions set operator = 'x'",
    'delete from operator_actions',
    'truncate operator_actions',
    // pg-boss.
    'truncate pgboss.job',
    'delete from pgboss.queue',
    'delete from pgboss.schedule',
    'delete from pgboss.version',
    "update pgboss.subscription set name = 'x'",
    "insert into pgboss.schedule (name, cron) values ('x', '* * * * *')",
    'drop schema pgboss cascade',
  ])('may not: %s', async (statement) => {
    await expect(role.query(statement)).rejects.toMatchObject({ code: '42501' })
  })

  test('forgets by functions that can do nothing else', async () => {
    const owner = new pg.Client({ connectionString: database.url })
    await owner.connect()
    try {
      await owner.query(
        `insert into contacts (id, email, first_name, opted_out) values
         (1, 'ana@acme.example', 'Ana', true), (2, 'ben@acme.example', 'Ben', false)`,
      )
      await owner.query(
        `insert into operator_actions (event_row_id, action, reason, operator, via, acted_at, status_before)
         values (1, 'replay', 'Ana@acme.example and dana@acme.example asked', 'kim', 'console', now(), 'dead')`,
      )
      await role.query('select webhook_forget_contacts(array[1, 2])')
      await role.query(`select webhook_forget_notes(array['ana@acme.example'])`)
      for (const other of ['.*', 'asked', 'kim', '%', '@', 'a@', '@b', 'x) or (true', '.@.', '.*@.*']) {
        await role.query('select webhook_forget_notes(array[$1])', [other])
      }
      const { rows: contacts } = await owner.query('select email, first_name from contacts order by id')
      expect(contacts).toEqual([
        { email: 'forgotten-1@invalid', first_name: null },
        { email: 'ben@acme.example', first_name: 'Ben' },
      ])
      const { rows: notes } = await owner.query('select reason, operator from operator_actions')
      expect(notes).toEqual([{ reason: '[forgotten] and dana@acme.example asked', operator: 'kim' }])
    } finally {
      await owner.end()
    }
  })

  test('calls functions with the owner’s rights only where their search_path is fixed, and no other role may', async () => {
    const { rows } = await role.query(
      `select p.proname as name, p.proconfig::text as settings, p.proacl::text as rights
       from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace`,
    )
    expect(rows.length).toBeGreaterThanOrEqual(2)
    for (const { settings, rights } of rows) {
      expect(settings).toContain('search_path=public, pg_temp')
      expect(rights).not.toMatch(/[{,]=/) // to everybody
    }
  })

  test('is the one the service works with, notifications included', async () => {
    const service = await startSendgrid()
    try {
      await seedOutreach(service, 1)
      await deliverAndSettle(service, event('spamreport'))
      await eventually(
        () => service.logs.find((line) => line.msg.includes('would have been sent')),
        'the notification is worked off',
      )
      const users = await service.rows(
        `select distinct usename from pg_stat_activity
         where datname = current_database() and application_name like 'roleferry-webhooks%'`,
      )
      expect(users).toEqual([{ usename: 'roleferry_service' }])
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    } finally {
      await service.stop()
    }
  })
})

test('without the rights the service is not ready, and says which command gives them', async () => {
  const owner = new pg.Client({ connectionString: database.url })
  await owner.connect()
  await owner.query('create role stranger login')
  const url = new URL(database.url)
  url.username = 'stranger'
  const app = await buildApp(readConfig({ DATABASE_URL: url.href, LOG_LEVEL: 'silent' }))
  try {
    const answer = await app.inject('/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.json().reason).toContain('--grant')
  } finally {
    await app.close()
    await owner.query('drop role stranger')
    await owner.end()
  }
})

describe('npm run db:migrate', () => {
  const PASSWORD = "it's secret"
  const NAME = 'another "role"'
  const migrate = (args: string[], databaseUrl = database.url) =>
    promisify(execFile)(process.execPath, ['src/migrate.ts', ...args], {
      env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, SERVICE_PASSWORD: PASSWORD },
    })
  const asSuperuser = async (sql: string, url = inject('postgresUrl')) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const read = () =>
    asSuperuser(
      `select rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolpassword from pg_authid where rolname = '${NAME}'`,
    )

  test('--grant creates a role with a password and takes away excess rights; --revoke removes the role', async () => {
    expect((await migrate(['--grant', NAME])).stdout).toContain('has the rights that the service needs')
    const [made] = await read()
    expect(made).toMatchObject({
      rolcanlogin: true,
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
    })
    const [, salt = '', keys] = /^SCRAM-SHA-256\$4096:([^$]+)\$(.+)$/.exec(made?.rolpassword) ?? []
    expect(scramVerifier(PASSWORD, Buffer.from(salt, 'base64'))).toMatch(
      new RegExp(`${RegExp.escape(keys ?? '?')}$`),
    )

    // As an earlier version did it, or a person by hand.
    const name = `"another ""role"""`
    await asSuperuser(
      `grant all on users, operator_actions to ${name};
       grant update (email) on contacts to ${name};
       alter default privileges in schema pgboss grant select, insert, update, delete on tables to ${name}`,
      database.url,
    )
    await migrate(['--grant', NAME])
    const held = await asSuperuser(
      `select has_table_privilege(oid, 'users', 'delete') as people,
              has_table_privilege(oid, 'operator_actions', 'update') as audit,
              has_column_privilege(oid, 'contacts', 'email', 'update') as addresses,
              has_table_privilege(oid, 'users', 'select') as reads
       from pg_roles where rolname = '${NAME}'`,
      database.url,
    )
    expect(held).toEqual([{ people: false, audit: false, addresses: false, reads: true }])

    expect((await migrate(['--revoke', NAME])).stdout).toContain('is deleted')
    expect(await read()).toEqual([])
  }, 60_000)

  test('works for an owner that is no superuser, and no statement holds the password', async () => {
    const owner = `owner_${crypto.randomUUID().slice(0, 8)}`
    await asSuperuser(`create role ${owner} login createrole`)
    await asSuperuser(`create database ${owner} owner ${owner}`)
    const url = new URL(database.url)
    url.username = owner
    url.pathname = `/${owner}`
    const statements: string[] = []
    try {
      await migrate(['--grant', `${owner}_service`], url.href)
      const client = new pg.Client({ connectionString: url.href })
      await client.connect()
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<pg.QueryResult>
      client.query = ((...args: unknown[]) => {
        statements.push(JSON.stringify(args))
        return query(...args)
      }) as typeof client.query
      await grantService(client, `${owner}_service`, PASSWORD)
      await client.end()
      expect(statements.join()).toContain('SCRAM-SHA-256$')
      expect(statements.join()).not.toContain('secret')
      await migrate(['--revoke', `${owner}_service`], url.href)
      expect(await asSuperuser(`select from pg_roles where rolname = '${owner}_service'`)).toEqual([])
    } finally {
      await asSuperuser(`drop database if exists ${owner} with (force)`)
      await asSuperuser(`drop role if exists ${owner}_service`)
      await asSuperuser(`drop role if exists ${owner}`)
    }
  }, 60_000)
})

test('a verifier is what Postgres makes of the password', () => {
  // The example of RFC 7677.
  expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})
