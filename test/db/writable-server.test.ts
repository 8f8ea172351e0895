import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../../harness/postgres.ts'
import { findServerUser } from '../../harness/postgres-cluster.ts'
import { type PostgresPair, startPostgresPair } from '../../harness/postgres-pair.ts'
import { connectionTo } from '../../src/db/connection.ts'
import { inTransaction, isOutage } from '../../src/db/transaction.ts'

const folder = join(tmpdir(), `webhooks-writable-${crypto.randomUUID()}`)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Which server a new connection goes to. */
const portBehind = async (url: string): Promise<number> => {
  const client = new pg.Client({ ...connectionTo(url), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query('select inet_server_port() as port')
  await client.end()
  return rows[0].port
}

describe('a primary and its standby', () => {
  let pair: PostgresPair
  beforeAll(async () => {
    pair = await startPostgresPair(join(folder, 'pair'))
  })
  afterAll(() => pair.stop())
  const listOf = (...ports: number[]) =>
    `postgres://postgres:postgres@${ports.map((port) => `127.0.0.1:${port}`).join()}/postgres`

  test('the one that takes writes is found, wherever it stands in the list', async () => {
    const [primary = 0, standby = 0] = pair.ports
    expect(await portBehind(listOf(primary, standby))).toBe(primary)
    expect(await portBehind(listOf(standby, primary))).toBe(primary)
    expect(await portBehind(`${listOf(standby, 9, primary)}?target_session_attrs=read-write`)).toBe(primary)
    expect(await portBehind(`${listOf(primary)}?target_session_attrs=primary`)).toBe(primary)
    // Without a list and without the parameter nothing is asked.
    expect(await portBehind(listOf(standby))).toBe(standby)
  })

  test('servers that hang or take no writes are no servers', async () => {
    const standby = pair.standby()
    const url = `${listOf(standby.port)}?target_session_attrs=read-write`
    await expect(portBehind(url)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringContaining('takes no writes'),
    })
    // Whatever was tried with it is tried again, without counting an attempt.
    expect(
      isOutage(await portBehind(url).catch((error: Error) => new Error('wrapped', { cause: error }))),
    ).toBe(true)
    expect(isOutage(await portBehind(url).catch((error: Error) => error))).toBe(true)
    await standby.freeze()
    try {
      expect(await portBehind(listOf(standby.port, pair.primary().port))).toBe(pair.primary().port)
      await expect(portBehind(url)).rejects.toThrow('no server of DATABASE_URL takes writes')
    } finally {
      await standby.thaw()
    }
  })

  test('a session that answers 25006 is thrown away, whatever is run in it', async () => {
    const pool = new pg.Pool({ connectionString: listOf(pair.standby().port), max: 1 })
    const write = 'create table refused ()'
    try {
      await expect(pool.query(write)).rejects.toMatchObject({ code: '25006' })
      expect(pool.totalCount).toBe(0)
      await expect(inTransaction(pool, (_tx, client) => client.query(write))).rejects.toMatchObject({
        code: '25006',
      })
      expect(pool.totalCount).toBe(0)
      await expect(inTransaction(pool, (_tx, client) => client.query('select 1/0'))).rejects.toMatchObject({
        code: '22012',
      })
      expect(pool.totalCount).toBe(1)
    } finally {
      await pool.end()
    }
  })
})

describe('over TLS', () => {
  const certificate = resolve('test/fixtures/push/localhost.crt')
  let server: PostgresServer
  beforeAll(async () => {
    const keys = join(folder, 'keys')
    mkdirSync(keys, { recursive: true })
    copyFileSync('test/fixtures/push/localhost.key', join(keys, 'key'))
    chmodSync(join(keys, 'key'), 0o600)
    const user = await findServerUser()
    if (user !== undefined) chownSync(join(keys, 'key'), user.uid, user.gid)
    copyFileSync(certificate, join(keys, 'certificate'))
    server = await startPostgres(join(folder, 'tls'), {
      temporary: true,
      settings: [
        'listen_addresses=127.0.0.1,127.0.0.2',
        'ssl=on',
        `ssl_key_file=${keys}/key`,
        `ssl_cert_file=${keys}/certificate`,
      ],
    })
  })
  afterAll(() => server.stop('immediate'))
  const over = (host: string, tls: string) =>
    portBehind(`postgres://postgres:postgres@${host}:${server.port},${host}:9/postgres?${tls}`)

  test('the certificate is checked for the server that was chosen', async () => {
    const full = `sslmode=verify-full&sslrootcert=${certificate}`
    expect(await over('localhost', full)).toBe(server.port)
    await expect(over('127.0.0.2', full)).rejects.toThrow()
    await expect(over('localhost', 'sslmode=verify-full')).rejects.toThrow()
    expect(await over('127.0.0.2', 'sslmode=no-verify')).toBe(server.port)
  })
})
