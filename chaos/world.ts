import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createRandom, type Random } from '../harness/random.ts'
import { createService, type ServiceProcess } from '../harness/service.ts'
import type { Stack } from '../harness/stack.ts'
import { startStack } from '../harness/stack.ts'
import { migrate } from '../src/db/migrate.ts'
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
  /** As the owner of the tables. */
  db: pg.Pool
  random: Random
  traffics: Traffic[]
  sendgrid: SendgridTraffic
  /** What is compared with the database: the traffics', and what they share. */
  ledgers: Ledger[]
  /** Prepares a replica of the service; it is ended with the world. */
  service: (options?: { env?: Record<string, string>; nodeOptions?: string[] }) => Promise<ServiceProcess>
  services: ServiceProcess[]
  end: () => Promise<void>
}

/** Starts an empty stack, migrates it and seeds what the load refers to. */
export const createWorld = async (
  seed: number,
  { batch }: { batch?: [number, number] } = {},
): Promise<World> => {
  const folder = join(tmpdir(), `webhooks-chaos-${crypto.randomUUID()}`)
  const stack = await startStack(folder, { temporary: true })
  await migrate(stack.postgres.url, { name: SERVICE_ROLE })
  const serviceUrl = stack.postgres.url.replace('postgres://postgres:', `postgres://${SERVICE_ROLE}:`)
  const db = new pg.Pool({ connectionString: stack.postgres.url, max: 4 })
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
    db,
    random,
    traffics,
    sendgrid,
    ledgers,
    services,
    service: async ({ env = {}, nodeOptions = [] } = {}) => {
      const keys = Object.assign({}, ...traffics.map((traffic) => traffic.env))
      const stores = { DATABASE_URL: serviceUrl, REDIS_URL: stack.redis.url }
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
