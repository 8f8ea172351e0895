import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test as plain } from 'vitest'
import { openSessionPool } from '../../src/db/pool.ts'
import { missingSettings } from '../../src/db/session-settings.ts'
import { test } from '../database.ts'
import { eventually, startService } from '../service.ts'

/** A pooler's answer to a start-up packet with a parameter that it cannot set, in Postgres's protocol. */
const REFUSAL = (() => {
  const fields = 'SFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0'
  const message = Buffer.alloc(5 + fields.length)
  message.write('E')
  message.writeInt32BE(4 + fields.length, 1)
  message.write(fields, 5)
  return message
})()

let pooler: Server
let port: number
beforeAll(async () => {
  pooler = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(REFUSAL))
  })
  port = await new Promise((resolve) => {
    pooler.listen(0, '127.0.0.1', () => resolve((pooler.address() as { port: number }).port))
  })
})
afterAll(() => {
  pooler.close()
})

plain('a pooler that refuses the settings of the sessions is an error that says what to set', async () => {
  const service = await startService({ env: { DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/x` } })
  try {
    const line = await eventually(
      () => service.logs.find(({ msg }) => msg.includes('ignore_startup_parameters')),
      'the error is logged',
    )
    expect(line.level).toBe(50)
    const answer = await fetch(`${service.url}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      reason: expect.stringContaining('ignore_startup_parameters'),
    })
  } finally {
    await service.stop()
  }
})

test('settings that do not arrive are named', async ({ pool }) => {
  expect(await missingSettings(pool)).toEqual([
    'idle_in_transaction_session_timeout',
    'lock_timeout',
    'plan_cache_mode',
    'random_page_cost',
    'statement_timeout',
  ])
  const {
    host,
    port: at,
    database,
  } = (
    await pool.query<{ host: string; port: number; database: string }>(
      'select host(inet_server_addr()) as host, inet_server_port() as port, current_database() as database',
    )
  ).rows[0] as { host: string; port: number; database: string }
  const opened = openSessionPool(`postgres://postgres:postgres@${host}:${at}/${database}`, {
    application_name: 'settings',
    max: 1,
    limits: { connectionTimeoutMillis: 5_000, query_timeout: 5_000, statement_timeout: 4_000 },
    onLost: () => {},
  })
  try {
    expect(await missingSettings(opened.pool)).toEqual([])
  } finally {
    await opened.pool.end()
  }
})
