import type { SignedRequest } from '../../../src/providers/signed-request.ts'
import { createStripeSigner } from '../../../src/providers/stripe/sign.ts'
import { post, type SignOptions } from '../../provider-contract.ts'
import { type Service, startService } from '../../service.ts'

const signers = { first: createStripeSigner(), second: createStripeSigner(), wrong: createStripeSigner() }

/** Prices of the two tiers, and one that nobody knows. */
export const PRO = 'price_pro'
export const TEAMS = 'price_teams'
export const OTHER = 'price_other'

/** The environment of a service that takes what `signed` signs. */
export const stripeEnv = {
  STRIPE_WEBHOOK_SECRET: `${signers.first.secret},${signers.second.secret}`,
  STRIPE_PRICE_PRO: PRO,
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

export interface StripeJson {
  id: string
  object: string
  api_version: string | null
  livemode: boolean
  type: string
  created: number
  data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> }
}

/** Where the fields are that moved on 2025-03-31. */
export type Generation = 'old' | 'new'
export const GENERATIONS: Generation[] = ['old', 'new']

export const MONTH = 30 * 86_400
/** The start of the first period, in unix seconds. */
export const START = 1_793_491_200

export interface SubscriptionOptions {
  id?: string
  customer?: unknown
  status?: string | null
  price?: string
  period?: number
  cancel?: boolean
  /** The price before, of an `updated`. */
  previous?: string
  at?: number
  eventId?: string
}

export interface InvoiceOptions {
  id?: string
  subscription?: string | null
  customer?: unknown
  reason?: string
  price?: string
  period?: number
  proration?: boolean
  attempts?: number
  nextAttempt?: number | null
  at?: number
  eventId?: string
}

let serial = 0
const envelope = (
  type: string,
  at: number,
  eventId: string | undefined,
  object: Record<string, unknown>,
  previous?: Record<string, unknown>,
): StripeJson & Record<string, unknown> => ({
  id: eventId ?? `evt_${process.pid}_${++serial}`,
  object: 'event',
  api_version: null,
  type,
  created: at,
  livemode: false,
  data: { object, ...(previous === undefined ? {} : { previous_attributes: previous }) },
})

/** Events of customer `cus_{user}`, in one payload generation. */
export const eventsOf = (user: number | string, generation: Generation = 'new') => {
  const item = (price: string, start: number) => ({
    id: 'si_1',
    price: { id: price, object: 'price' },
    ...(generation === 'new' ? { current_period_start: start, current_period_end: start + MONTH } : {}),
  })
  const subscription = (
    type: 'created' | 'updated' | 'deleted',
    {
      id = `sub_${user}`,
      customer = `cus_${user}`,
      status = type === 'deleted' ? 'canceled' : 'active',
      price = PRO,
      period = START,
      cancel = false,
      previous,
      at = period + 1,
      eventId,
    }: SubscriptionOptions = {},
  ) =>
    envelope(
      `customer.subscription.${type}`,
      at,
      eventId,
      {
        id,
        object: 'subscription',
        customer,
        ...(status === null ? {} : { status }),
        cancel_at_period_end: cancel,
        start_date: START,
        items: { object: 'list', data: [item(price, period)] },
        ...(generation === 'old' ? { current_period_start: period, current_period_end: period + MONTH } : {}),
      },
      previous === undefined
        ? undefined
        : { items: { data: [item(previous, period)] }, plan: { id: previous } },
    )
  const invoice = (
    type: 'paid' | 'payment_succeeded' | 'payment_failed',
    {
      subscription: subscriptionId = `sub_${user}`,
      customer = `cus_${user}`,
      reason = 'subscription_cycle',
      price = PRO,
      period = START,
      id = `in_${subscriptionId}_${period}`,
      proration = false,
      attempts = 1,
      nextAttempt = null,
      at = period + 2,
      eventId,
    }: InvoiceOptions = {},
  ) => {
    const details = { subscription: subscriptionId, proration }
    return envelope(`invoice.${type}`, at, eventId, {
      id,
      object: 'invoice',
      customer,
      billing_reason: reason,
      attempt_count: attempts,
      next_payment_attempt: nextAttempt,
      hosted_invoice_url: `https://invoice.stripe.com/i/${id}`,
      lines: {
        object: 'list',
        data: [
          {
            id: 'il_1',
            period: { start: period, end: period + MONTH },
            ...(generation === 'new'
              ? {
                  pricing: { type: 'price_details', price_details: { price } },
                  parent: { type: 'subscription_item_details', subscription_item_details: details },
                }
              : { price: { id: price, object: 'price' }, proration, subscription: subscriptionId }),
          },
        ],
      },
      ...(generation === 'old'
        ? { subscription: subscriptionId }
        : {
            parent:
              subscriptionId === null
                ? null
                : { type: 'subscription_details', subscription_details: { subscription: subscriptionId } },
          }),
    })
  }
  return { subscription, invoice }
}

/** The rows that Stripe's events can change, without what the contract leaves open. */
export const domainRows = async (service: Service) => ({
  users: await service.rows('select * from users order by id'),
  subscriptions: await service.rows('select * from subscriptions order by id'),
  invoices: await service.rows('select * from invoices order by id'),
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
