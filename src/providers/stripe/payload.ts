import type Stripe from 'stripe'
import { z } from 'zod'
import type { ClaimedEvent } from '../../inbox/provider.ts'

// Stripe renders an event in the endpoint's API version, so the JSON can be older than the package's types. Everything
// that is read of it is read here, from the places before and after 2025-03-31 ("basil") alike. What is missing or
// malformed reads as undefined; only an object without an id cannot be used.

/** The event types that are applied: names of the package's, so that a misspelt one is none. */
export type HandledType = Extract<
  Stripe.Event['type'],
  | 'customer.subscription.created'
  | 'customer.subscription.updated'
  | 'customer.subscription.deleted'
  | 'invoice.paid'
  | 'invoice.payment_succeeded'
  | 'invoice.payment_failed'
>

/** What the events of each type are about, as the package's event types say. */
type FieldsByType = {
  [T in HandledType]: FieldsOf<Extract<Stripe.Event, { type: T }>['data']['object']>
}
type FieldsOf<Resource> = Resource extends Stripe.Subscription
  ? SubscriptionFields
  : Resource extends Stripe.Invoice
    ? InvoiceFields
    : never

/** An event as the rules see it. */
export interface StripeEvent<T extends HandledType = HandledType> {
  id: string
  type: T
  /** Unix seconds, as all times here. */
  created: number
  customerId: string | undefined
  object: FieldsByType[T]
}

/** A price, and the time it is paid for. */
export interface PricedPeriod {
  priceId: string | undefined
  start: number | undefined
  end: number | undefined
}

export interface SubscriptionFields {
  id: string
  status: string | undefined
  /** It ends at the end of the period, or at another time that is fixed. */
  cancels: boolean
  startDate: number | undefined
  items: PricedPeriod[]
  /** Of an `updated` that changed the items: the prices before. */
  previousPriceIds: string[]
}

export interface InvoiceFields {
  id: string
  /** Undefined for a one-off invoice. */
  subscriptionId: string | undefined
  /** `billing_reason`. */
  reason: string | undefined
  /** Lines that are no prorations. */
  lines: PricedPeriod[]
  attempts: number
  /** Null when no further attempt is planned. */
  nextAttempt: number | null
  hostedUrl: string | null
}

/** The subscription that an event's object is or belongs to. */
export const subscriptionIdOf = (object: SubscriptionFields | InvoiceFields): string | undefined =>
  'subscriptionId' in object ? object.subscriptionId : object.id

const maybe = <Schema extends z.ZodType>(schema: Schema) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .catch(undefined)

/** The sender decides how long an id is, and ids are indexed. */
const id = z.string().min(1).max(200)
/** A plain id, or the object itself where it was expanded. */
const reference = z.union([id, z.object({ id }).transform((object) => object.id)])
/** Up to the year 9999: what Postgres and JavaScript both take. */
const time = z.number().int().min(0).max(253_402_300_799)
/** Stripe lists 20 items and some hundred lines at most; a million would take seconds to read. */
const MAX_LISTED = 1_000
const list = <Schema extends z.ZodType>(schema: Schema) =>
  maybe(
    z.object({
      data: z
        .array(z.unknown())
        .transform((entries) => entries.slice(0, MAX_LISTED))
        .pipe(z.array(maybe(schema))),
    }),
  ).transform((page) => (page?.data ?? []).filter((entry) => entry !== undefined))
/** Only what can be opened safely from a mail. */
const webUrl = z.url({ protocol: /^https$/, normalize: true }).max(2_000)

/** Names of the package's fields, and of those that it no longer has; a misspelt one does not compile. */
type Shape<Resource, Older extends string = never> = { [Name in keyof Resource | Older]?: z.ZodType }

type Item = Partial<z.output<typeof item>>
const item = z.object({
  price: maybe(reference),
  plan: maybe(reference),
  current_period_start: maybe(time),
  current_period_end: maybe(time),
} satisfies Shape<Stripe.SubscriptionItem>)

const previous = maybe(z.object({ items: list(item), plan: maybe(reference) }))

const subscription = z.object({
  id,
  status: maybe(z.string()),
  cancel_at_period_end: maybe(z.boolean()),
  cancel_at: maybe(time),
  start_date: maybe(time),
  items: list(item),
  // Before 2025-03-31 the period is the subscription's, not the items'; long before that, so is the plan.
  plan: maybe(reference),
  current_period_start: maybe(time),
  current_period_end: maybe(time),
} satisfies Shape<Stripe.Subscription, 'plan' | 'current_period_start' | 'current_period_end'>)

const line = z.object({
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
  parent: maybe(z.object({ subscription_details: maybe(z.object({ subscription: maybe(reference) })) })),
  // Before 2025-03-31.
  subscription: maybe(reference),
  lines: list(line),
  attempt_count: maybe(z.number().int().min(0)),
  next_payment_attempt: maybe(time),
  hosted_invoice_url: maybe(webUrl),
} satisfies Shape<Stripe.Invoice, 'subscription'>)

const readSubscription = (json: unknown, previousAttributes: unknown): SubscriptionFields | undefined => {
  const object = subscription.safeParse(json).data
  if (object === undefined) return undefined
  const items: Item[] = object.items.length > 0 ? object.items : [{ plan: object.plan }]
  const before = previous.parse(previousAttributes)
  return {
    id: object.id,
    status: object.status,
    cancels: object.cancel_at_period_end === true || object.cancel_at !== undefined,
    startDate: object.start_date,
    items: items.map((one) => ({
      priceId: one.price ?? one.plan,
      start: one.current_period_start ?? object.current_period_start,
      end: one.current_period_end ?? object.current_period_end,
    })),
    previousPriceIds: [...(before?.items ?? []), { plan: before?.plan } as Item].flatMap(
      (one) => one.price ?? one.plan ?? [],
    ),
  }
}

const readInvoice = (json: unknown): InvoiceFields | undefined => {
  const object = invoice.safeParse(json).data
  return (
    object && {
      id: object.id,
      subscriptionId: object.parent?.subscription_details?.subscription ?? object.subscription,
      reason: object.billing_reason,
      lines: object.lines
        .filter((one) => !isProration(one))
        .map((one) => ({
          priceId: one.pricing?.price_details?.price ?? one.price ?? one.plan,
          start: one.period?.start,
          end: one.period?.end,
        })),
      attempts: object.attempt_count ?? 0,
      nextAttempt: object.next_payment_attempt ?? null,
      hostedUrl: object.hosted_invoice_url ?? null,
    }
  )
}

const isProration = ({ proration, parent }: z.output<typeof line>): boolean =>
  proration === true ||
  parent?.subscription_item_details?.proration === true ||
  parent?.invoice_item_details?.proration === true

const readers: {
  [T in HandledType]: (object: unknown, previousAttributes: unknown) => FieldsByType[T] | undefined
} = {
  'customer.subscription.created': readSubscription,
  'customer.subscription.updated': readSubscription,
  'customer.subscription.deleted': readSubscription,
  'invoice.paid': readInvoice,
  'invoice.payment_succeeded': readInvoice,
  'invoice.payment_failed': readInvoice,
}

export const isHandled = (type: string): type is HandledType => Object.hasOwn(readers, type)

const event = z.object({
  created: maybe(time),
  data: z.object({ object: z.unknown().optional(), previous_attributes: z.unknown().optional() }),
})

/** Reads a stored event of that type; undefined when its object has no usable id. */
export const readPayload = <T extends HandledType>(
  type: T,
  { eventId, payload, receivedAt }: Pick<ClaimedEvent, 'eventId' | 'payload' | 'receivedAt'>,
): StripeEvent<T> | undefined => {
  const parsed = event.safeParse(payload)
  if (!parsed.success) return undefined
  const { created, data } = parsed.data
  const object = readers[type](data.object, data.previous_attributes)
  if (object === undefined) return undefined
  return {
    id: eventId,
    type,
    created: created ?? Math.floor(receivedAt.getTime() / 1_000),
    customerId: customerIdOf(data.object),
    object,
  }
}

/** The customer an object belongs to, or is. */
export const customerIdOf = (object: unknown): string | undefined => {
  const owner = z.object({ object: maybe(z.string()), id: maybe(id), customer: maybe(reference) })
  const { object: kind, id: own, customer } = maybe(owner).parse(object) ?? {}
  return kind === 'customer' ? own : customer
}

/** Unix seconds, if it is a usable time. */
export const timeOf = (value: unknown): number | undefined => time.safeParse(value).data
