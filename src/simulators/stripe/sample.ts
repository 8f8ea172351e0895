import { randomBytes } from 'node:crypto'
import type { SampleSubject, Samples } from '../sample.ts'
import type { StripeSigner } from './sign.ts'

const API_VERSION = '2026-10-28.endive'
const MONTH = 30 * 86_400
const id = (prefix: string) => `${prefix}_1${randomBytes(12).toString('hex')}`

/** Events of one subscription of the customer, signed as Stripe does: every attempt gets a new signature. */
export const stripeSamples = ({ sign }: StripeSigner): Samples => {
  const sample =
    (
      type: string,
      object: (about: SampleSubject, now: number) => object,
      previous?: object,
    ): Samples[string] =>
    (about, at) => {
      const created = Math.floor(at.getTime() / 1_000)
      const event = {
        id: id('evt'),
        object: 'event',
        api_version: API_VERSION,
        created,
        data: { object: object(about, created), ...(previous ? { previous_attributes: previous } : {}) },
        livemode: false,
        pending_webhooks: 1,
        request: { id: null, idempotency_key: null },
        type,
      }
      const body = JSON.stringify(event, null, 2) // as Stripe writes it
      return { sign: (signedAt) => sign(body, signedAt) }
    }
  return {
    'customer.subscription.created': sample('customer.subscription.created', subscription('active')),
    'customer.subscription.updated': sample('customer.subscription.updated', subscription('past_due'), {
      status: 'active',
    }),
    'customer.subscription.deleted': sample('customer.subscription.deleted', subscription('canceled')),
    'invoice.paid': sample('invoice.paid', invoice('paid')),
    'invoice.payment_succeeded': sample('invoice.payment_succeeded', invoice('paid')),
    'invoice.payment_failed': sample('invoice.payment_failed', invoice('open')),
    'invoice.voided': sample('invoice.voided', invoice('void')),
    'invoice.marked_uncollectible': sample('invoice.marked_uncollectible', invoice('uncollectible')),
    'charge.dispute.created': sample('charge.dispute.created', dispute),
    'charge.refunded': sample('charge.refunded', refundedCharge),
    // Not understood. For a price that no tier knows, say --price.
    unknown_type: sample('invoice.settled', invoice('paid')),
    unknown_status: sample('customer.subscription.updated', subscription('suspended')),
    paid_without_subscription: sample('invoice.paid', (about, now) => ({
      ...invoice('paid')(about, now),
      parent: null,
    })),
  }
}

/** One subscription per customer, so that its events belong together. */
const subscriptionId = (customer: string) => customer.replace(/^cus_/, 'sub_')

const subscription =
  (status: string) =>
  ({ customer, price }: SampleSubject, now: number) => ({
    id: subscriptionId(customer),
    object: 'subscription',
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: status === 'canceled' ? now : null,
    collection_method: 'charge_automatically',
    created: now,
    currency: 'usd',
    customer,
    ended_at: status === 'canceled' ? now : null,
    items: {
      object: 'list',
      data: [
        {
          id: subscriptionId(customer).replace(/^sub_/, 'si_'),
          object: 'subscription_item',
          created: now,
          current_period_end: now + MONTH,
          current_period_start: now,
          metadata: {},
          price: {
            id: price,
            object: 'price',
            active: true,
            currency: 'usd',
            type: 'recurring',
            unit_amount: 4_900,
          },
          quantity: 1,
          subscription: subscriptionId(customer),
        },
      ],
      has_more: false,
      total_count: 1,
    },
    livemode: false,
    metadata: {},
    start_date: now,
    status,
    trial_end: null,
    trial_start: null,
  })

const dispute = (_: SampleSubject, now: number) => ({
  id: id('dp'),
  object: 'dispute',
  amount: 4_900,
  charge: id('ch'),
  created: now,
  currency: 'usd',
  livemode: false,
  metadata: {},
  reason: 'fraudulent',
  status: 'needs_response',
})

const refundedCharge = ({ customer }: SampleSubject, now: number) => ({
  id: id('ch'),
  object: 'charge',
  amount: 4_900,
  amount_captured: 4_900,
  amount_refunded: 4_900,
  captured: true,
  created: now,
  currency: 'usd',
  customer,
  livemode: false,
  metadata: {},
  paid: true,
  refunded: true,
  status: 'succeeded',
})

const invoice =
  (status: 'paid' | 'open' | 'void' | 'uncollectible') =>
  ({ customer, price }: SampleSubject, now: number) => {
    const paid = status === 'paid'
    const invoiceId = id('in')
    return {
      id: invoiceId,
      object: 'invoice',
      amount_due: 4_900,
      amount_paid: paid ? 4_900 : 0,
      amount_remaining: paid ? 0 : 4_900,
      attempt_count: 1,
      attempted: true,
      billing_reason: 'subscription_cycle',
      collection_method: 'charge_automatically',
      created: now,
      currency: 'usd',
      customer,
      hosted_invoice_url: `https://invoice.stripe.com/i/acct_test/${invoiceId}`,
      lines: {
        object: 'list',
        data: [
          {
            id: id('il'),
            object: 'line_item',
            amount: 4_900,
            currency: 'usd',
            parent: {
              type: 'subscription_item_details',
              subscription_item_details: { proration: false, subscription: subscriptionId(customer) },
            },
            period: { start: now, end: now + MONTH },
            pricing: { type: 'price_details', price_details: { price } },
            quantity: 1,
          },
        ],
        has_more: false,
        total_count: 1,
      },
      livemode: false,
      metadata: {},
      next_payment_attempt: status === 'open' ? now + 3 * 86_400 : null,
      parent: {
        type: 'subscription_details',
        subscription_details: { metadata: {}, subscription: subscriptionId(customer) },
      },
      status,
    }
  }
