import type Stripe from 'stripe'
import { z } from 'zod'
import { amount, id, maybe, reference, type Shape } from './json.ts'

const charge = z.object({
  id,
  customer: maybe(reference),
  amount: maybe(amount),
  amount_refunded: maybe(amount),
  currency: maybe(z.string().regex(/^[a-z]{3}$/)),
  refunded: maybe(z.boolean()),
} satisfies Shape<Stripe.Charge>)

const dispute = z.object({
  id,
  charge: maybe(reference),
  amount: maybe(amount),
  currency: maybe(z.string().regex(/^[a-z]{3}$/)),
  reason: maybe(z.string().regex(/^[a-z_]{1,50}$/)),
} satisfies Shape<Stripe.Dispute>)

/** Something that happened to a payment, which changes no row. */
export interface PaymentAlert {
  /** The dispute's or the charge's id: there is one alert for each. */
  about: string
  text: string
}

/** `charge.dispute.created`: the customer's bank wants the money back. Undefined when it has no usable id. */
export const readDispute = (json: unknown): PaymentAlert | undefined => {
  const object = dispute.safeParse(json).data
  if (object === undefined) return undefined
  const { id: about, charge: chargeId, reason } = object
  const why = reason === undefined ? '' : ` (${reason})`
  return {
    about,
    text: `⚖️ Payment disputed${why}: ${moneyOf(object.amount, object.currency)}, charge ${chargeId ?? 'unknown'}, dispute ${about}`,
  }
}

/** A full `charge.refunded`; null of a refund in part, undefined when it has no usable id. */
export const readRefund = (json: unknown): PaymentAlert | null | undefined => {
  const object = charge.safeParse(json).data
  if (object === undefined) return undefined
  const { id: about, customer, amount: charged, amount_refunded: returned } = object
  const isFull = object.refunded ?? (charged !== undefined && returned !== undefined && returned >= charged)
  return isFull
    ? {
        about,
        text: `↩️ Payment refunded in full: ${moneyOf(charged, object.currency)}, charge ${about}, customer ${customer ?? 'unknown'}`,
      }
    : null
}

/** `$49.00`; Stripe counts in the currency's smallest unit. */
const moneyOf = (value: number | undefined, currency: string | undefined): string => {
  if (value === undefined || currency === undefined) return 'an unknown amount'
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency })
  return format.format(value / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}
