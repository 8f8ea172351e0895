import { grantCredits, invoiceOf, mergePaidPeriod, subscriptionOf } from './facts.ts'
import type { Handler } from './handler.ts'
import { comparePricing, knownPricings } from './tiers.ts'

/** Why an invoice was made, when it pays for a period; others (manual, proration …) give no credits. */
const PERIOD_REASONS = new Set(['subscription_create', 'subscription_cycle'])

/** `invoice.paid` and `invoice.payment_succeeded`, which both come for one payment; also when nothing was to pay. */
export const invoicePaid: Handler<'invoice.paid' | 'invoice.payment_succeeded'> = (
  { object, created },
  account,
  { prices, log },
) => {
  const { id, subscriptionId, reason, lines } = object
  const invoice = invoiceOf(account, id, subscriptionId)
  invoice.paidAt = Math.min(invoice.paidAt ?? created, created)
  if (subscriptionId === undefined) return

  const subscription = subscriptionOf(account, subscriptionId, created)
  const paysPeriod = reason !== undefined && PERIOD_REASONS.has(reason)
  subscription.paid ||= paysPeriod
  // Of several lines the one that ends last.
  const [pricing] = knownPricings(lines, prices, created).sort(
    (a, b) => (b.end ?? 0) - (a.end ?? 0) || comparePricing(b, a),
  )
  if (pricing !== undefined) mergePaidPeriod(subscription, pricing)
  if (!paysPeriod) return
  if (pricing === undefined) {
    const [line] = lines
    log('warn', 'unknown price', { subscriptionId, invoiceId: id, priceId: line?.priceId ?? null })
    return
  }
  subscription.begun = true
  grantCredits(account, subscription, pricing, created)
}
