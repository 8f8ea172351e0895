import type Stripe from 'stripe'
import { z } from 'zod'
import { type InvoiceFact, type Line, paysPeriod } from '../../billing/facts.ts'
import { amount, id, list, maybe, reference, type Shape, time, webUrl } from './json.ts'
import type { Prices } from './prices.ts'

const line = z.object({
  amount: maybe(amount),
  period: maybe(z.object({ start: maybe(time), end: maybe(time) })),
  pricing: maybe(z.object({ price_details: maybe(z.object({ price: maybe(reference) })) })),
  parent: maybe(
    z.object({
      subscription_item_details: maybe(z.object({ proration: maybe(z.boolean()) })),
      invoice_item_details: maybe(z.object({ proration: maybe(z.boolean()) })),
    }),
  ),
  // Before 2025-03-31.
  price: maybe(reference),
  plan: maybe(reference),
  proration: maybe(z.boolean()),
} satisfies Shape<Stripe.InvoiceLineItem, 'price' | 'plan' | 'proration'>)

const invoice = z.object({
  id,
  billing_reason: maybe(z.string()),
  status: maybe(z.string()),
  period_end: maybe(time),
  parent: maybe(z.object({ subscription_details: maybe(z.object({ subscription: maybe(reference) })) })),
  // Before 2025-03-31.
  subscription: maybe(reference),
  lines: list(line),
  attempt_count: maybe(z.number().int().min(0)),
  next_payment_attempt: maybe(time),
  hosted_invoice_url: maybe(webUrl),
  status_transitions: maybe(z.object({ paid_at: maybe(time) })),
} satisfies Shape<Stripe.Invoice, 'subscription'>)

/** When an invoice was seen, and what had happened to it. */
export interface InvoiceSighting {
  outcome: InvoiceFact['outcome']
  /** Unix seconds. */
  at: number
  /** `created` of the event; null when it was fetched. */
  seenAt: number | null
}

/** What an invoice's JSON says. */
export interface InvoiceReading {
  invoiceId: string
  /** Undefined when it names no subscription. */
  fact: InvoiceFact | undefined
  /** It creates or renews a subscription. */
  paysPeriod: boolean
  /** Prices that were charged and that no tier knows. */
  unknownPrices: string[]
  /** Where it can be paid. */
  hostedUrl: string | null
}

/** Reads an invoice of either payload generation; undefined when it has no usable id. */
export const readInvoice = (
  json: unknown,
  { outcome, at, seenAt }: InvoiceSighting,
  prices: Prices,
): InvoiceReading | undefined => {
  const object = invoice.safeParse(json).data
  if (object === undefined) return undefined
  const subscriptionId = object.parent?.subscription_details?.subscription ?? object.subscription
  const lines = object.lines.entries.map((one) => readLine(one, prices))
  const reason = object.billing_reason ?? null
  return {
    invoiceId: object.id,
    fact:
      subscriptionId === undefined
        ? undefined
        : {
            kind: 'invoice',
            subscriptionId,
            invoiceId: object.id,
            outcome,
            at,
            seenAt,
            reason,
            startsAt: object.period_end ?? null,
            lines,
            isCut: object.lines.hasMore,
            attempts: object.attempt_count ?? 0,
            nextAttempt: object.next_payment_attempt ?? null,
          },
    paysPeriod: paysPeriod(reason),
    unknownPrices: reason === 'manual' ? [] : unknownPricesOf(lines),
    hostedUrl: object.hosted_invoice_url ?? null,
  }
}

const readLine = (json: z.output<typeof line>, prices: Prices): Line => {
  const priceId = json.pricing?.price_details?.price ?? json.price ?? json.plan ?? null
  return {
    tier: (priceId !== null && prices.get(priceId)) || null,
    priceId,
    start: json.period?.start ?? null,
    end: json.period?.end ?? null,
    amount: json.amount ?? 0,
    isProration: isProration(json),
  }
}

const isProration = ({ proration, parent }: z.output<typeof line>): boolean =>
  proration === true ||
  parent?.subscription_item_details?.proration === true ||
  parent?.invoice_item_details?.proration === true

/** What gives money back was not charged. A price of nothing was: a free first month has a tier, too. */
const unknownPricesOf = (lines: Line[]): string[] => [
  ...new Set(
    lines.flatMap(({ tier, priceId, amount: charged }) =>
      tier === null && priceId !== null && charged >= 0 ? [priceId] : [],
    ),
  ),
]

/**
 * A fetched invoice as a fact, when it is paid: at its `status_transitions.paid_at`, else at the time of the answer.
 *
 * @param at the answer's `Date`, in unix seconds.
 * @returns undefined when it is not paid, or cannot be used.
 */
export const fetchedInvoice = (json: unknown, at: number, prices: Prices): InvoiceFact | undefined => {
  const { status, status_transitions: times } = invoice.safeParse(json).data ?? {}
  if (status !== 'paid') return undefined
  return readInvoice(json, { outcome: 'paid', at: times?.paid_at ?? at, seenAt: null }, prices)?.fact
}
