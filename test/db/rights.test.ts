import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { asService, cloneDatabase } from '../database.ts'
import { deliverAndSettle, event, seedOutreach, startSendgrid } from '../providers/sendgrid/deliveries.ts'
import { eventually } from '../service.ts'

let database: Awaited<ReturnType<typeof cloneDatabase>>
let role: pg.Client
beforeEach(async () => {
  database = await cloneDatabase()
  role = new pg.Client({ connectionString: asService(database.url) })
  await role.connect()
})
afterEach(async () => {
  await role.end()
  await database.drop()
})

describe('the role that db:migrate creates for the service', () => {
  for (const statement of [
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
  ]) {
    test(`may not: ${statement}`, async () => {
      await expect(role.query(statement)).rejects.toMatchObject({ code: '42501' })
    })
  }

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

test('npm run db:migrate -- --grant creates a role with a password; repeating it changes nothing', async () => {
  const owner = new pg.Client({ connectionString: inject('postgresUrl') })
  await owner.connect()
  const migrate = () =>
    promisify(execFile)(process.execPath, ['src/db/migrate.ts', '--grant', 'another "role"'], {
      env: { PATH: process.env.PATH, DATABASE_URL: database.url, SERVICE_PASSWORD: "it's secret" },
    })
  try {
    expect((await migrate()).stdout).toContain('may do what the service does')
    const read = () =>
      owner.query(
        `select rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolpassword like 'SCRAM%' as has_password
         from pg_authid where rolname = 'another "role"'`,
      )
    expect((await read()).rows).toEqual([
      { rolcanlogin: true, rolsuper: false, rolcreatedb: false, rolcreaterole: false, has_password: true },
    ])
    await migrate()
    expect((await read()).rows).toHaveLength(1)
  } finally {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query('drop owned by "another ""role"""')
    await client.query('drop role "another ""role"""')
    await client.end()
    await owner.end()
  }
})
