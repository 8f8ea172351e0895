import type Stripe from 'stripe'
import { expectTypeOf, test } from 'vitest'
import type { STRIPE_EVENT_TYPES } from '../../../src/providers/stripe/event-types.ts'
import type { HandledType } from '../../../src/providers/stripe/payload.ts'
import { readers } from '../../../src/providers/stripe/reading.ts'

// `npm run check` compiles this: an error that is expected here and does not come is one.

test('the handled types are named once, as the package names them', () => {
  expectTypeOf<HandledType>().toEqualTypeOf<
    | `customer.subscription.${'created' | 'updated' | 'deleted'}`
    | `invoice.${'paid' | 'payment_succeeded' | 'payment_failed' | 'voided' | 'marked_uncollectible'}`
    | 'charge.dispute.created'
    | 'charge.refunded'
  >()
})

test('a reader for a type that is misspelt or missing does not compile', () => {
  const paid = readers['invoice.paid']
  // @ts-expect-error there is no such event
  const misspelt: typeof readers = { ...readers, 'invoice.payd': paid }
  const { 'invoice.paid': _, ...others } = readers
  // @ts-expect-error one is missing
  const incomplete: typeof readers = others
  expectTypeOf(misspelt).toEqualTypeOf(incomplete)
})

test('every type that the package knows is in the list', () => {
  expectTypeOf<(typeof STRIPE_EVENT_TYPES)[number]>().toEqualTypeOf<Stripe.Event['type']>()
})
