import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type PostgresPair, startPostgresPair } from '../harness/postgres-pair.ts'
import { createRandom, type Random } from '../harness/random.ts'
import { startRedis } from '../harness/redis.ts'
import { createService, type ServiceProcess } from '../harness/service.ts'
import type { Stack } from '../harness/stack.ts'
import { startStack } from '../harness/stack.ts'
import { connectionTo } from '../src/db/connection.ts'
import { migrate } from '../src/migrate.ts'
import { createMailgunTraffic } from './traffic/mailgun.ts'
import { createOutreach } from './traffic/outreach.ts'
import { createSendgridTraffic, type SendgridTraffic } from './traffic/sendgrid.ts'
import { createStripeTraffic } from './traffic/stripe.ts'
import type { Ledger, Traffic } from './traffic/traffic.ts'

/** The service runs under the rights that `db:migrate -- --grant` gives. */
const SERVICE_ROLE = 'roleferry_service'

/** One scenario's own Postgres, Redis, rows and load. */
export interface World {
  stack: Stack
  /** The primary and the standby, in a scenario that has a standby. */
  pair: () => PostgresPair
  /** Where the service's role finds Postgres; another database server is named by its port. */
  databaseUrl: (port?: number) => string
  /** As the owner of the tables. */
  db: pg.Pool
  random: Random
  traffics: Traffic[]
  sendgrid: SendgridTraffic
  /** The expected facts, of each provider's traffic and of what they share. */
  ledgers: Ledger[]
  /** Prepares a replica of the service; it is ended with the world. */
  service: (options?: { env?: Record<string, string>; nodeOptions?: string[] }) => Promise<ServiceProcess>
  services: ServiceProcess[]
  end: () => Promise<void>
}

/** Starts an empty stack, migrates it and seeds what the load refers to. */
export const createWorld = async (
  seed: number,
  { batch, withStandby = false }: { batch?: [number, number]; withStandby?: boolean } = {},
): Promise<World> => {
  const folder = join(tmpdir(), `webhooks-chaos-${crypto.randomUUID()}`)
  const pair = withStandby ? await startPostgresPair(folder) : undefined
  const stack = pair === undefined ? await startStack(folder, { temporary: true }) : await stackOf(pair)
  const ownerUrl = pair?.urlOf('postgres') ?? stack.postgres.url
  await migrate(ownerUrl, { name: SERVICE_ROLE })
  const serviceUrl = (port?: number) => {
    const url = ownerUrl.replace('postgres://postgres:', `postgres://${SERVICE_ROLE}:`)
    return port === undefined ? url : url.replace(/@[^/]*\/(\w+).*/, `@127.0.0.1:${port}/$1`)
  }
  const db = new pg.Pool({ ...connectionTo(ownerUrl), max: 4 })
  db.on('error', () => {}) // scenarios end its sessions
  db.on('connect', (client) => client.on('error', () => {}))
  const random = createRandom(seed)
  const outreach = createOutreach()
  const sendgrid = createSendgridTraffic(random, outreach, batch)
  const traffics = [sendgrid, createStripeTraffic(random), createMailgunTraffic(random, outreach)]
  const ledgers = [outreach, ...traffics]
  for (const ledger of ledgers) await ledger.seed?.(db)
  const services: ServiceProcess[] = []
  return {
    stack,
    pair: () => {
      if (pair === undefined) throw new Error('this scenario has no standby')
      return pair
    },
    databaseUrl: serviceUrl,
    db,
    random,
    traffics,
    sendgrid,
    ledgers,
    services,
    service: async ({ env = {}, nodeOptions = [] } = {}) => {
      const keys = Object.assign({}, ...traffics.map((traffic) => traffic.env))
      const stores = { DATABASE_URL: serviceUrl(), REDIS_URL: stack.redis.url }
      const service = await createService({ ...stores, ...keys, ...env }, nodeOptions)
      services.push(service)
      return service
    },
    end: async () => {
      await Promise.all(services.map((service) => service.end('SIGKILL')))
      await db.end()
      await stack.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const stackOf = async (pair: PostgresPair): Promise<Stack> => {
  const redis = await startRedis()
  return {
    get postgres() {
      return pair.primary()
    },
    redis,
    stop: async () => {
      await Promise.all([pair.stop(), redis.stop()])
    },
  }
}
