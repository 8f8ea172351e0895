import type Stripe from 'stripe'
import { expectTypeOf, test } from 'vitest'
import type { STRIPE_EVENT_TYPES } from '../../../src/providers/stripe/event-types.ts'
import type { Handlers } from '../../../src/providers/stripe/handler.ts'
import { invoicePaid } from '../../../src/providers/stripe/invoice-paid.ts'
import { invoicePaymentFailed } from '../../../src/providers/stripe/invoice-payment-failed.ts'
import type {
  HandledType,
  InvoiceFields,
  StripeEvent,
  SubscriptionFields,
} from '../../../src/providers/stripe/payload.ts'
import { subscriptionCreated } from '../../../src/providers/stripe/subscription-created.ts'
import { subscriptionUpdated } from '../../../src/providers/stripe/subscription-updated.ts'

// `npm run check` compiles this: an error that is expected here and does not come is one.

test('a handler is for the payload of its event', () => {
  expectTypeOf<StripeEvent<'invoice.paid'>['object']>().toEqualTypeOf<InvoiceFields>()
  expectTypeOf<StripeEvent<'invoice.payment_failed'>['object']>().toEqualTypeOf<InvoiceFields>()
  expectTypeOf<StripeEvent<'customer.subscription.deleted'>['object']>().toEqualTypeOf<SubscriptionFields>()
  expectTypeOf<HandledType>().toEqualTypeOf<
    | `customer.subscription.${'created' | 'updated' | 'deleted'}`
    | `invoice.${'paid' | 'payment_succeeded' | 'payment_failed'}`
  >()
})

test('one for the wrong payload does not compile', () => {
  const handlers: Partial<Handlers> = {
    'customer.subscription.created': subscriptionCreated,
    'invoice.paid': invoicePaid,
    'invoice.payment_succeeded': invoicePaid,
  }
  // @ts-expect-error a subscription's event has no invoice
  handlers['customer.subscription.created'] = invoicePaid
  // @ts-expect-error nor an invoice's a subscription
  handlers['invoice.paid'] = subscriptionCreated
  // @ts-expect-error a payment is no failure, though both are about an invoice
  handlers['invoice.payment_failed'] = invoicePaid
  // @ts-expect-error and a failure is no payment
  handlers['invoice.payment_succeeded'] = invoicePaymentFailed
  // @ts-expect-error what an update tells of the price before is not in the end
  handlers['customer.subscription.deleted'] = subscriptionUpdated
  // @ts-expect-error there is no such event
  handlers['invoice.payd'] = invoicePaid
  // @ts-expect-error a handler cannot read what its payload does not hold
  handlers['invoice.paid'] = ({ object }) => void object.previousPriceIds
})

test('one that is missing does not compile', () => {
  // @ts-expect-error five are missing
  const handlers: Handlers = { 'invoice.paid': invoicePaid }
  expectTypeOf(handlers).toEqualTypeOf<Handlers>()
})

test('every type that the package knows is in the list', () => {
  expectTypeOf<(typeof STRIPE_EVENT_TYPES)[number]>().toEqualTypeOf<Stripe.Event['type']>()
})
