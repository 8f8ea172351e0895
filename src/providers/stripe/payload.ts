import type Stripe from 'stripe'
import { z } from 'zod'
import type { ClaimedEvent } from '../../inbox/provider.ts'
import { customerIdOf, maybe, time } from './json.ts'

/** The event types that are applied: names of the package's, so that a misspelt one does not compile. */
export type HandledType = Extract<
  Stripe.Event['type'],
  | 'customer.subscription.created'
  | 'customer.subscription.updated'
  | 'customer.subscription.deleted'
  | 'invoice.paid'
  | 'invoice.payment_succeeded'
  | 'invoice.payment_failed'
  | 'invoice.voided'
  | 'invoice.marked_uncollectible'
  | 'charge.dispute.created'
  | 'charge.refunded'
>

/** An event before its object is read. */
export interface StripeEvent {
  id: string
  type: HandledType
  /** Unix seconds, as all times here. */
  created: number
  /** It happened in test mode. */
  isTest: boolean
  /** It is about the customers of another account (Connect). */
  isOfOtherAccount: boolean
  customerId: string | undefined
  object: unknown
  previousAttributes: unknown
}

const event = z.object({
  created: maybe(time),
  livemode: z.unknown().optional(),
  account: z.unknown().optional(),
  data: z.object({ object: z.unknown().optional(), previous_attributes: z.unknown().optional() }).catch({}),
})

/** Reads the envelope of a stored event, whose form was checked when it was accepted. */
export const readPayload = (
  type: HandledType,
  { eventId, payload, receivedAt }: Pick<ClaimedEvent, 'eventId' | 'payload' | 'receivedAt'>,
): StripeEvent => {
  const { created, livemode, account, data } = event.parse(payload)
  return {
    id: eventId,
    type,
    created: created ?? Math.floor(receivedAt.getTime() / 1_000),
    isTest: livemode === false,
    isOfOtherAccount: account !== undefined && account !== null,
    customerId: customerIdOf(data.object),
    object: data.object,
    previousAttributes: data.previous_attributes,
  }
}
