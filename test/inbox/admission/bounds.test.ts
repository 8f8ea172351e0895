import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createService } from '../../../harness/service.ts'
import type { Stack } from '../../../harness/stack.ts'
import { asService } from '../../database.ts'
import { startOwnStores } from '../../own-stores.ts'
import {
  bodyOf,
  deliver,
  event,
  seedOutreach,
  sendgridEnv,
  signed,
  startSendgrid,
} from '../../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../../service.ts'

// Stores that neither answer nor refuse: nothing may wait for them without a limit, and nothing may pile up.

/** A server that takes connections and says nothing. */
const startSilent = async () => {
  const sockets = new Set<Socket>()
  let connections = 0
  let received = 0
  const server: Server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    received: () => received,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const KIB = 1024
const MIB = 1024 * KIB

let silent: Awaited<ReturnType<typeof startSilent>>
let service: Service | undefined
beforeAll(async () => {
  silent = await startSilent()
})
afterEach(async () => {
  await service?.stop()
  service = undefined
})
afterAll(() => silent.close())

/** Statements of the pool that accepts deliveries which wait for a lock. */
const waitingForLocks = async (): Promise<number> =>
  (
    (await service?.rows(
      `select from pg_stat_activity where application_name like '% accept' and wait_event_type = 'Lock'
         and datname = current_database()`,
    )) ?? []
  ).length

const statuses = (answers: { status: number }[]) => [...new Set(answers.map(({ status }) => status))]

test('a Redis that takes connections and says nothing costs no delivery and is sent no queue of commands', async () => {
  service = await startSendgrid({ REDIS_URL: `redis://127.0.0.1:${silent.port}` })
  await seedOutreach(service, 1)
  for (let round = 0; round < 5; round++) {
    const many = Array.from({ length: 100 }, () => event('click'))
    const answers = await Promise.all(many.map((one) => deliver(service as Service, one)))
    expect(statuses(answers)).toEqual([200])
  }
  await service.settled()
  expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 500 }])
  // The client gives the connection up, and greets again; of 500 look-ups and 500 keys nothing is kept for later.
  await eventually(() => silent.connections() > 1 || undefined, 'it connects again')
  expect(silent.received() / silent.connections()).toBeLessThan(KIB)
})

describe('Postgres', () => {
  let stores: Stack
  beforeAll(async () => {
    stores = await startOwnStores()
  })
  afterAll(() => stores.stop())

  test('that takes connections and says nothing: every delivery gets its 503, and none waits on', async () => {
    service = await startSendgrid({
      DATABASE_URL: `postgres://postgres:x@127.0.0.1:${silent.port}/postgres`,
      REDIS_URL: stores.redis.url,
    })
    const many = Array.from({ length: 60 }, () => event('click'))
    const answers = await Promise.all(many.map((one) => deliver(service as Service, one)))
    expect(statuses(answers)).toEqual([503])
    for (const { headers } of answers) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    const { accept } = service.app.database
    await eventually(() => accept.waitingCount === 0 || undefined, 'nothing waits for a connection')
    expect(accept.totalCount).toBeLessThanOrEqual(10)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
  })

  test('has limits for statements, locks and idle transactions in every session of the service', async () => {
    service = await startSendgrid({ DATABASE_URL: stores.postgres.url, REDIS_URL: stores.redis.url })
    for (const [name, pool] of Object.entries(service.app.database)) {
      const { rows } = await pool.query(
        `select name, setting::int as setting from pg_settings
         where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')`,
      )
      expect(rows).toHaveLength(3)
      for (const { setting } of rows) expect(setting).toBeGreaterThan(0)
      const { rows: commit } = await pool.query('show synchronous_commit')
      expect(commit).toEqual([{ synchronous_commit: 'on' }])
      // A plan kept from when the inbox was empty takes half a minute for a batch. Accepting has one statement, without such a plan.
      const { rows: plans } = await pool.query('show plan_cache_mode')
      expect(plans).toEqual([
        { plan_cache_mode: name === 'accept' ? 'force_generic_plan' : 'force_custom_plan' },
      ])
    }
    const { rows } = await service.app.jobs.boss.getDb().executeSql('show statement_timeout', [])
    expect(rows[0]?.statement_timeout).not.toBe('0')
  })

  test('with the inbox locked: 503, the statements end while the lock is still there, then all is stored', async () => {
    service = await startSendgrid({ DATABASE_URL: stores.postgres.url, REDIS_URL: stores.redis.url })
    const locker = await service.db.connect()
    const many = Array.from({ length: 20 }, () => event('open'))
    try {
      await locker.query('begin')
      await locker.query('lock table webhook_events in access exclusive mode')
      const delivering = Promise.all(many.map((one) => deliver(service as Service, one)))
      await eventually(async () => (await waitingForLocks()) > 0 || undefined, 'an insert waits')
      expect(statuses(await delivering)).toEqual([503])
      await eventually(async () => (await waitingForLocks()) === 0 || undefined, 'no insert waits any more')
    } finally {
      await locker.query('rollback')
      locker.release()
    }
    await eventually(
      async () => (await deliver(service as Service, ...many)).status === 200 || undefined,
      'it is accepted',
    )
  })

  test('is asked once, however many ask whether the service is ready', async () => {
    service = await startSendgrid({ DATABASE_URL: stores.postgres.url, REDIS_URL: stores.redis.url })
    const { url } = service
    const locker = await service.db.connect()
    try {
      await locker.query('begin')
      await locker.query('lock table drizzle.__drizzle_migrations in access exclusive mode')
      const asked = Array.from({ length: 100 }, () => fetch(`${url}/readyz`))
      await eventually(async () => (await waitingForLocks()) === 1 || undefined, 'it asks')
      // Deliveries do not queue behind the others.
      expect((await deliver(service, event('open'))).status).toBe(200)
      expect(service.app.database.accept.waitingCount).toBe(0)
      await locker.query('rollback')
      await Promise.all(asked)
    } finally {
      locker.release()
    }
  })

  test('that hangs under load: memory stays bounded, and all is stored once it goes on', async () => {
    const process = await createService({
      ...sendgridEnv,
      DATABASE_URL: asService(stores.postgres.url),
      REDIS_URL: stores.redis.url,
    })
    process.start()
    await process.ready()
    const pad = 'x'.repeat(2 * MIB)
    let sent = 0
    const answered: number[] = []
    let running = true
    const sender = async () => {
      while (running) {
        const { headers, body } = signed(bodyOf([event('open', { pad })]))
        const answer = await fetch(`${process.url}/webhooks/sendgrid`, {
          method: 'POST',
          headers,
          body: new Uint8Array(body),
        }).catch(() => undefined)
        await answer?.text()
        sent++
        // What is refused before it is read may be cut before the answer is.
        if (answer !== undefined) answered.push(answer.status)
        await sleep(100)
      }
    }
    let most = 0
    try {
      await stores.postgres.freeze()
      // 200 MiB of bodies at a time, of which each would be there several times: as bytes, text, values, rows.
      const senders = Array.from({ length: 100 }, sender)
      await eventually(
        async () => {
          most = Math.max(most, await process.memory())
          return sent >= 120 || undefined
        },
        'hundreds are sent',
        120,
      )
      running = false
      await Promise.all(senders)
    } finally {
      running = false
      await stores.postgres.thaw()
    }
    // This process may be too slow to send a hundred bodies in time.
    expect(answered.filter((status) => status !== 503 && status !== 408)).toEqual([])
    expect(answered).toContain(503)
    expect(most).toBeLessThan(700 * MIB)
    await process.ready()
    const { headers, body } = signed(bodyOf([event('open')]))
    const again = await fetch(`${process.url}/webhooks/sendgrid`, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
    })
    expect(again.status).toBe(200)
    expect(process.crashes()).toBe(0)
    await process.end('SIGKILL')
  }, 180_000)
})
