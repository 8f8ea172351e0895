/** Prices of the two tiers, and one that nobody knows. */
export const PRO = 'price_pro'
export const PRO_YEARLY = 'price_pro_yearly'
export const TEAMS = 'price_teams'
export const OTHER = 'price_other'

export interface StripeJson {
  id: string
  object: string
  api_version: string | null
  livemode: boolean
  type: string
  created: number
  data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> }
}

/** Where the fields are that moved on 2025-03-31. */
export type Generation = 'old' | 'new'
export const GENERATIONS: Generation[] = ['old', 'new']

export const MONTH = 30 * 86_400
/** The start of the first period, in unix seconds. */
export const START = 1_793_491_200

/** An item of a subscription; without a period it has the subscription's. */
export interface Item {
  price: string
  period?: number
  end?: number
}

/** The fields that an `updated` changed, as they were. */
export interface Changed {
  status?: string
  cancel?: boolean
  cancelAt?: number | null
  prices?: string[]
}

export interface SubscriptionOptions {
  id?: string
  customer?: unknown
  status?: string | null
  price?: string
  /** Instead of one item of `price`. */
  items?: Item[]
  period?: number
  end?: number
  cancel?: boolean
  cancelAt?: number | null
  /** Stripe sends an invoice rather than charge. */
  sendsInvoice?: boolean
  /** The price before, of an `updated`. */
  previous?: string
  changed?: Changed
  at?: number
  eventId?: string
}

export interface InvoiceLine {
  price?: string
  start?: number
  end?: number
  amount?: number
  proration?: boolean
}

export interface InvoiceOptions {
  id?: string
  subscription?: string | null
  customer?: unknown
  reason?: string
  price?: string
  period?: number
  end?: number
  proration?: boolean
  /** Instead of one line of `price` and `period`. */
  lines?: InvoiceLine[]
  /** Only the first lines are in the event. */
  cut?: boolean
  /** `period_end`: where the time before the invoice ended. */
  periodEnd?: number
  attempts?: number
  nextAttempt?: number | null
  at?: number
  eventId?: string
}

export type InvoiceType = 'paid' | 'payment_succeeded' | 'payment_failed' | 'voided' | 'marked_uncollectible'

let serial = 0
const envelope = (
  type: string,
  at: number,
  eventId: string | undefined,
  object: Record<string, unknown>,
  previous?: Record<string, unknown>,
): StripeJson & Record<string, unknown> => ({
  id: eventId ?? `evt_${process.pid}_${++serial}`,
  object: 'event',
  api_version: null,
  type,
  created: at,
  livemode: true,
  data: { object, ...(previous === undefined ? {} : { previous_attributes: previous }) },
})

/** Events of customer `cus_{user}`, in one payload generation. */
export const eventsOf = (user: number | string, generation: Generation = 'new') => {
  const isNew = generation === 'new'
  const item = (price: string, start: number, end: number) => ({
    id: 'si_1',
    price: { id: price, object: 'price' },
    ...(isNew ? { current_period_start: start, current_period_end: end } : {}),
  })
  const subscription = (
    type: 'created' | 'updated' | 'deleted',
    {
      id = `sub_${user}`,
      customer = `cus_${user}`,
      status = type === 'deleted' ? 'canceled' : 'active',
      price = PRO,
      items = [{ price }],
      period = START,
      end = period + MONTH,
      cancel = false,
      cancelAt = null,
      sendsInvoice = false,
      previous,
      changed = previous === undefined ? undefined : { prices: [previous] },
      at = period + 1,
      eventId,
    }: SubscriptionOptions = {},
  ) => {
    const itemsOf = (all: Item[]) =>
      all.map((one) =>
        item(one.price, one.period ?? period, one.end ?? (one.period ?? period) + end - period),
      )
    return envelope(
      `customer.subscription.${type}`,
      at,
      eventId,
      {
        id,
        object: 'subscription',
        customer,
        ...(status === null ? {} : { status }),
        cancel_at_period_end: cancel,
        cancel_at: cancelAt,
        collection_method: sendsInvoice ? 'send_invoice' : 'charge_automatically',
        start_date: START,
        items: { object: 'list', data: itemsOf(items) },
        ...(isNew ? {} : { current_period_start: period, current_period_end: end }),
      },
      changed && {
        ...(changed.status !== undefined && { status: changed.status }),
        ...(changed.cancel !== undefined && { cancel_at_period_end: changed.cancel }),
        ...(changed.cancelAt !== undefined && { cancel_at: changed.cancelAt }),
        ...(changed.prices !== undefined && {
          items: { data: itemsOf(changed.prices.map((one) => ({ price: one }))) },
          plan: { id: changed.prices[0] },
        }),
      },
    )
  }
  const invoice = (
    type: InvoiceType,
    {
      subscription: subscriptionId = `sub_${user}`,
      customer = `cus_${user}`,
      reason = 'subscription_cycle',
      price = PRO,
      period = START,
      end = period + MONTH,
      id = `in_${subscriptionId}_${period}`,
      proration = false,
      lines = [{ price, start: period, end, proration }],
      cut = false,
      periodEnd = period,
      attempts = 1,
      nextAttempt = null,
      at = period + 2,
      eventId,
    }: InvoiceOptions = {},
  ) =>
    envelope(`invoice.${type}`, at, eventId, {
      id,
      object: 'invoice',
      customer,
      billing_reason: reason,
      period_end: periodEnd,
      attempt_count: attempts,
      next_payment_attempt: nextAttempt,
      hosted_invoice_url: `https://invoice.stripe.com/i/${id}`,
      lines: {
        object: 'list',
        has_more: cut,
        data: lines.map((line) => lineOf(line, subscriptionId)),
      },
      ...(isNew
        ? {
            parent:
              subscriptionId === null
                ? null
                : { type: 'subscription_details', subscription_details: { subscription: subscriptionId } },
          }
        : { subscription: subscriptionId }),
    })
  const lineOf = (
    { price = PRO, start = START, end = start + MONTH, amount = 4_900, proration = false }: InvoiceLine,
    subscriptionId: string | null,
  ) => ({
    id: 'il_1',
    amount,
    period: { start, end },
    ...(isNew
      ? {
          pricing: { type: 'price_details', price_details: { price } },
          parent: {
            type: 'subscription_item_details',
            subscription_item_details: { subscription: subscriptionId, proration },
          },
        }
      : { price: { id: price, object: 'price' }, proration, subscription: subscriptionId }),
  })
  return { subscription, invoice }
}
