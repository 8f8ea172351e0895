import Stripe from 'stripe'
import { givesAccess, type InvoiceFact, isEnd, type SnapshotFact } from '../../../billing/facts.ts'
import { fetchedInvoice } from '../invoice.ts'
import type { Prices } from '../prices.ts'
import { fetchedSubscription } from '../subscription.ts'

/** The most that Stripe gives in one page. */
const PAGE = 100

/** A fact, and when what it tells happened: in unix seconds. */
interface FetchedFact {
  fact: SnapshotFact | InvoiceFact
  happenedAt: number
}

/** All that Stripe has of a customer. */
export interface FetchedCustomer {
  customerId: string
  /** Subscriptions first, so that a payment of one that has ended is not taken for its beginning. */
  facts: FetchedFact[]
  /** Of all subscriptions that Stripe has, also of those that cannot be read. */
  subscriptionIds: ReadonlySet<string>
  /** Prices that no tier knows, of subscriptions with access and of paid invoices. */
  unknownPrices: string[]
  /** A subscription with access has no price of a known tier, or an unknown status. */
  isUnclear: boolean
}

/**
 * Fetches all subscriptions and paid invoices of a customer.
 * @returns undefined when Stripe knows no such customer.
 * @throws a `StripeError` when Stripe does not answer.
 */
export const fetchCustomer = async (
  stripe: Stripe,
  customerId: string,
  prices: Prices,
): Promise<FetchedCustomer | undefined> => {
  try {
    const subscriptions = await fetchSubscriptions(stripe, customerId, prices)
    const invoices = await fetchInvoices(stripe, customerId, prices)
    return {
      customerId,
      facts: [...subscriptions.facts, ...invoices],
      unknownPrices: [...new Set([...subscriptions.unknownPrices, ...invoices.flatMap(unknownPricesOf)])],
      subscriptionIds: subscriptions.ids,
      isUnclear: subscriptions.isUnclear,
    }
  } catch (error) {
    if (isNoSuchCustomer(error)) return undefined
    throw error
  }
}

const isNoSuchCustomer = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError &&
  error.code === 'resource_missing' &&
  error.param === 'customer'

const fetchSubscriptions = async (stripe: Stripe, customer: string, prices: Prices) => {
  const list = stripe.subscriptions.list({ customer, status: 'all', limit: PAGE })
  const at = answeredAt(await list)
  const facts: FetchedFact[] = []
  const ids = new Set<string>()
  const unknownPrices: string[] = []
  let isUnclear = false
  for await (const subscription of list) {
    ids.add(subscription.id)
    const fact = fetchedSubscription(subscription, at, prices)
    if (fact === undefined) {
      isUnclear = true
      continue
    }
    facts.push({ fact, happenedAt: happenedAt(subscription, fact) })
    if (fact.tier !== null || !givesAccess(fact.state.status)) continue
    unknownPrices.push(...subscription.items.data.map(({ price }) => price.id))
    isUnclear = true
  }
  return { facts, ids, unknownPrices, isUnclear }
}

/** The header `Date` of an answer, in unix seconds: what it shows is as of then. */
const answeredAt = ({ lastResponse }: Stripe.Response<object>): number => {
  const date = Date.parse(String(lastResponse.headers.date))
  if (Number.isNaN(date)) throw new Error('Stripe does not say when it answered: the header Date is missing')
  return date / 1_000
}

/** When it ended or, if it has not, began. */
const happenedAt = (subscription: Stripe.Subscription, { state, at }: SnapshotFact): number =>
  isEnd(state.status)
    ? (subscription.ended_at ?? subscription.canceled_at ?? at)
    : (subscription.start_date ?? subscription.created ?? at)

const fetchInvoices = async (stripe: Stripe, customer: string, prices: Prices): Promise<FetchedFact[]> => {
  const list = stripe.invoices.list({ customer, status: 'paid', limit: PAGE })
  const at = answeredAt(await list)
  const facts: FetchedFact[] = []
  for await (const invoice of list) {
    const fact = fetchedInvoice(await withAllLines(stripe, invoice), at, prices)
    if (fact !== undefined) facts.push({ fact, happenedAt: fact.at })
  }
  return facts
}

/** A list shows ten lines of each invoice. */
const withAllLines = async (stripe: Stripe, invoice: Stripe.Invoice): Promise<object> => {
  if (!invoice.lines.has_more) return invoice
  const data: Stripe.InvoiceLineItem[] = []
  for await (const line of stripe.invoices.listLineItems(invoice.id, { limit: PAGE })) data.push(line)
  return { ...invoice, lines: { ...invoice.lines, data, has_more: false } }
}

const unknownPricesOf = ({ fact }: FetchedFact): string[] =>
  fact.kind !== 'invoice' || fact.reason === 'manual'
    ? []
    : fact.lines.flatMap(({ tier, priceId, amount }) =>
        tier === null && priceId !== null && amount > 0 ? [priceId] : [],
      )
