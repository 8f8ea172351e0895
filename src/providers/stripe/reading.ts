import { type InvoiceFact, isEnd, type SnapshotFact } from '../../billing/facts.ts'
import type { LogDetails, Misunderstanding } from '../../inbox/provider.ts'
import { type PaymentAlert, readDispute, readRefund } from './charge.ts'
import { readInvoice } from './invoice.ts'
import type { HandledType, StripeEvent } from './payload.ts'
import type { Prices } from './prices.ts'
import { readSubscription, type Sighting } from './subscription.ts'

/** A fact about one of the customer's subscriptions. */
export interface FactReading {
  kind: 'fact'
  /** Undefined when the event names none: then only its subscription tells whose it is. */
  customerId: string | undefined
  fact: SnapshotFact | InvoiceFact
  /** Prices that no tier knows: they change nothing, and are logged. */
  unknownPrices: string[]
  /** Those of an invoice that was paid. */
  paidUnknownPrices: string[]
  /** What its rule needs and it lacks; the rest is still applied. */
  lacks: Misunderstanding[]
  /** Where a failed invoice can be paid. */
  hostedUrl: string | null
}

/** An invoice that has to do with no subscription. */
export interface OneOffReading {
  kind: 'one-off'
  customerId: string
  invoiceId: string
  outcome: 'paid' | 'failed'
  /** Unix seconds. */
  at: number
}

/** What an event of a handled type says, before its customer is looked up. */
type Reading =
  | FactReading
  | OneOffReading
  /** Only an alert for the billing channel; no row changes. */
  | { kind: 'alert'; alert: PaymentAlert }
  /** Understood, but nothing follows from it. */
  | { kind: 'nothing' }
  /** It lacks what its rule needs: it is skipped, and can be replayed once it is understood. */
  | { kind: 'misunderstood'; why: Misunderstanding; details?: LogDetails }

type Reader = (event: StripeEvent, prices: Prices) => Reading

const lackOf = (type: string, field: string, text: string): Misunderstanding => ({
  reason: 'missing_field',
  cause: `${type} ${field}`,
  text: `${type}: ${text}`,
})
const missing = (type: HandledType, field: string, text: string, details: LogDetails = {}): Reading => ({
  kind: 'misunderstood',
  why: lackOf(type, field, text),
  details,
})
export const lackOfCustomer = (type: string): Misunderstanding =>
  lackOf(type, 'customer', 'it names no customer')
const missingId = (type: HandledType): Reading => missing(type, 'id', 'its object has no usable id')

const subscription =
  (event: Sighting['event']): Reader =>
  ({ type, id: eventId, created: at, customerId, object, previousAttributes }, prices) => {
    const reading = readSubscription(object, { eventId, at, event, previousAttributes }, prices)
    if (reading === undefined) return missingId(type)
    const { fact, status, subscriptionId, priceIds } = reading
    if (fact === undefined) return unknownStatus(status, subscriptionId)
    const goesOn = !isEnd(fact.state.status)
    const unknownPrices = fact.tier === null && goesOn ? priceIds : []
    const lacks = customerId === undefined ? [lackOfCustomer(type)] : []
    // An end needs no price.
    if (goesOn && priceIds.length === 0) lacks.push(lackOf(type, 'price', 'it names no price'))
    return { kind: 'fact', customerId, fact, unknownPrices, paidUnknownPrices: [], lacks, hostedUrl: null }
  }

const unknownStatus = (status: string, subscriptionId: string): Reading => ({
  kind: 'misunderstood',
  why: {
    reason: 'unknown_status',
    cause: status.slice(0, 50),
    text: `unknown subscription status ${status.slice(0, 50)}`,
  },
  details: { subscriptionId, status: status.slice(0, 50) },
})

const invoice =
  (outcome: InvoiceFact['outcome']): Reader =>
  ({ type, created: at, customerId, object }, prices) => {
    const reading = readInvoice(object, { outcome, at, seenAt: at }, prices)
    if (reading === undefined) return missingId(type)
    const { fact, invoiceId, paysPeriod, namesNoPrice, unknownPrices, hostedUrl } = reading
    if (fact === undefined && paysPeriod) {
      return missing(
        type,
        'subscription',
        'it is for the start or renewal of a subscription, but names no subscription',
        {
          invoiceId,
        },
      )
    }
    if (fact === undefined) {
      if (customerId === undefined) return { kind: 'misunderstood', why: lackOfCustomer(type) }
      return outcome === 'closed'
        ? { kind: 'nothing' }
        : { kind: 'one-off', customerId, invoiceId, outcome, at }
    }
    const isPaid = outcome === 'paid'
    const paidUnknownPrices = isPaid ? unknownPrices : []
    const lacks = customerId === undefined ? [lackOfCustomer(type)] : []
    if (isPaid && paysPeriod && namesNoPrice) {
      lacks.push(
        lackOf(type, 'price', 'it is for the start or renewal of a subscription, but no line names a price'),
      )
    }
    return { kind: 'fact', customerId, fact, unknownPrices: [], paidUnknownPrices, lacks, hostedUrl }
  }

const alerting =
  (read: (object: unknown) => PaymentAlert | null | undefined): Reader =>
  ({ type, object }) => {
    const alert = read(object)
    if (alert === undefined) return missingId(type)
    return alert === null ? { kind: 'nothing' } : { kind: 'alert', alert }
  }

export const readers: Readonly<Record<HandledType, Reader>> = {
  'customer.subscription.created': subscription('created'),
  'customer.subscription.updated': subscription('updated'),
  'customer.subscription.deleted': subscription('deleted'),
  'invoice.paid': invoice('paid'),
  // Both come for one payment.
  'invoice.payment_succeeded': invoice('paid'),
  'invoice.payment_failed': invoice('failed'),
  'invoice.voided': invoice('closed'),
  'invoice.marked_uncollectible': invoice('closed'),
  'charge.dispute.created': alerting(readDispute),
  'charge.refunded': alerting(readRefund),
}

/** Every type that is applied. */
export const HANDLED_TYPES = Object.keys(readers) as HandledType[]

export const isHandled = (type: string): type is HandledType => Object.hasOwn(readers, type)

/** Reads what an event says; nothing is known of its customer yet. */
export const readingOf = (event: StripeEvent, prices: Prices): Reading => readers[event.type](event, prices)
