import type { SignedRequest } from '../../../src/simulators/signed-request.ts'
import { createStripeSigner } from '../../../src/simulators/stripe/sign.ts'
import { post, type SignOptions } from '../../provider-contract.ts'
import { type Service, startService } from '../../service.ts'
import { PRO, PRO_YEARLY, TEAMS } from './events.ts'

const signers = { first: createStripeSigner(), second: createStripeSigner(), wrong: createStripeSigner() }

/** The environment of a service that takes what `signed` signs. */
export const stripeEnv = {
  STRIPE_WEBHOOK_SECRET: `${signers.first.secret},${signers.second.secret}`,
  STRIPE_PRICE_PRO: `${PRO},${PRO_YEARLY}`,
  STRIPE_PRICE_TEAMS: TEAMS,
}

export const startStripe = (env: Record<string, string> = {}): Promise<Service> =>
  startService({ env: { ...stripeEnv, ...env } })

/** A delivery of these bytes, signed as Stripe does. */
export const signed = (body: string, { key = 'first', age = 0 }: SignOptions = {}): SignedRequest =>
  signers[key].sign(body, new Date(Date.now() - age * 1_000))

/** Posts an event (or its JSON as it is), signed now by the service's clock. */
export const deliver = (service: Service, event: unknown) =>
  post(
    service,
    '/webhooks/stripe',
    signed(typeof event === 'string' ? event : JSON.stringify(event), {
      age: Math.round((Date.now() - service.now().getTime()) / 1_000),
    }),
  )

/** Posts events one after the other, each processed before the next is posted. */
export const deliverInTurn = async (service: Service, ...events: unknown[]): Promise<void> => {
  for (const event of events) {
    await deliver(service, event)
    await service.settled()
  }
}

export const seedUser = async (service: Service, id: number | string): Promise<void> => {
  await service.rows(
    `insert into users (id, email, stripe_customer_id) values ($1, $2, $3)`,
    id,
    `user${id}@example.com`,
    `cus_${id}`,
  )
}

/** The rows that Stripe's events can change, without what the contract leaves open. */
export const domainRows = async (service: Service) => ({
  users: await service.rows('select * from users order by id'),
  subscriptions: await service.rows(
    `select id, user_id, status, price_id, current_period_end, last_event_at from subscriptions order by id`,
  ),
  invoices: await service.rows('select id, subscription_id, paid_at, failed_at from invoices order by id'),
  grants: await service.rows(
    `select user_id, grant_key, subscription_id, period_start, credits, granted_at
     from credit_grants order by user_id, grant_key`,
  ),
})

/** What was requested of a channel for a user, as the jobs hold it, in the order of the keys. */
export const requested = async (service: Service, channel: 'email' | 'push' | 'slack') => {
  const rows = await service.rows(
    `select data from pgboss.job where name = $1 order by created_on, data ->> 'key'`,
    `notify-${channel}`,
  )
  return rows.map(({ data }) => data as { key: string; data: Record<string, unknown> })
}
