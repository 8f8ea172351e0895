import { by } from './compare.ts'
import {
  type Invoice,
  type InvoiceFact,
  keyOf,
  type Line,
  type SnapshotFact,
  type Subscription,
} from './facts.ts'

/** Adds a fact to what is known of its subscription. Adding it again changes nothing. */
export const merge = (subscription: Subscription, fact: SnapshotFact | InvoiceFact): Subscription => {
  const lastEventAt = Math.max(subscription.lastEventAt, fact.at)
  if (fact.kind === 'snapshot') {
    const { kind, subscriptionId, ...snapshot } = fact
    return {
      ...subscription,
      lastEventAt,
      snapshots: new Map(subscription.snapshots).set(keyOf(snapshot), snapshot),
    }
  }
  const { invoiceId } = fact
  const invoice = mergeInvoice(subscription.invoices.get(invoiceId) ?? newInvoice(invoiceId), fact)
  return { ...subscription, lastEventAt, invoices: new Map(subscription.invoices).set(invoiceId, invoice) }
}

const newInvoice = (id: string): Invoice => ({
  id,
  reason: null,
  startsAt: null,
  lines: [],
  isCut: true,
  seenAt: null,
  paidAt: null,
  failedAt: null,
  closedAt: null,
})

const mergeInvoice = (
  invoice: Invoice,
  { outcome, at, seenAt, reason, startsAt, lines, isCut }: InvoiceFact,
) => ({
  ...invoice,
  reason: reason ?? invoice.reason,
  startsAt: startsAt ?? invoice.startsAt,
  // The fullest list known: a fetched invoice has all its lines, a replayed event may know more prices.
  lines: byFullness(invoice.lines, lines) < 0 ? lines : invoice.lines,
  isCut: invoice.isCut && isCut,
  seenAt: earliest(invoice.seenAt, seenAt),
  paidAt: outcome === 'paid' ? earliest(invoice.paidAt, at) : invoice.paidAt,
  failedAt: outcome === 'failed' ? Math.max(invoice.failedAt ?? at, at) : invoice.failedAt,
  closedAt: outcome === 'closed' ? earliest(invoice.closedAt, at) : invoice.closedAt,
})

const earliest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b)

const byFullness = by<Line[]>(
  (lines) => lines.length,
  (lines) => lines.filter(({ tier }) => tier !== null).length,
)
