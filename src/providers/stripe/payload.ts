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
  /** It is about the customers of another account (Connect). */
  isOfOtherAccount: boolean
  customerId: string | undefined
  object: unknown
  previousAttributes: unknown
}

const origin = z.object({ livemode: z.unknown().optional(), account: z.unknown().optional() })
const event = origin.extend({
  created: maybe(time),
  data: z.object({ object: z.unknown().optional(), previous_attributes: z.unknown().optional() }).catch({}),
})

/** Reads the envelope of a stored event, whose form was checked when it was accepted. */
export const readPayload = (
  type: HandledType,
  { eventId, payload, receivedAt }: Pick<ClaimedEvent, 'eventId' | 'payload' | 'receivedAt'>,
): StripeEvent => {
  const { created, account, data } = event.parse(payload)
  return {
    id: eventId,
    type,
    created: created ?? Math.floor(receivedAt.getTime() / 1_000),
    isOfOtherAccount: isGiven(account),
    customerId: customerIdOf(data.object),
    object: data.object,
    previousAttributes: data.previous_attributes,
  }
}

const isGiven = (account: unknown): boolean => account !== undefined && account !== null

/**
 * Whether an event of any type happened in this account's test mode. An endpoint for connected accounts also gets their
 * test-mode events, even when it is in live mode.
 */
export const isOfTestMode = ({ payload }: Pick<ClaimedEvent, 'payload'>): boolean => {
  const { livemode, account } = origin.safeParse(payload).data ?? {}
  return livemode === false && !isGiven(account)
}
