/** Prices of the two tiers, and one that nobody knows. */
export const PRO = 'price_pro'
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

export interface SubscriptionOptions {
  id?: string
  customer?: unknown
  status?: string | null
  price?: string
  period?: number
  cancel?: boolean
  /** The price before, of an `updated`. */
  previous?: string
  at?: number
  eventId?: string
}

export interface InvoiceOptions {
  id?: string
  subscription?: string | null
  customer?: unknown
  reason?: string
  price?: string
  period?: number
  proration?: boolean
  attempts?: number
  nextAttempt?: number | null
  at?: number
  eventId?: string
}

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
  livemode: false,
  data: { object, ...(previous === undefined ? {} : { previous_attributes: previous }) },
})

/** Events of customer `cus_{user}`, in one payload generation. */
export const eventsOf = (user: number | string, generation: Generation = 'new') => {
  const item = (price: string, start: number) => ({
    id: 'si_1',
    price: { id: price, object: 'price' },
    ...(generation === 'new' ? { current_period_start: start, current_period_end: start + MONTH } : {}),
  })
  const subscription = (
    type: 'created' | 'updated' | 'deleted',
    {
      id = `sub_${user}`,
      customer = `cus_${user}`,
      status = type === 'deleted' ? 'canceled' : 'active',
      price = PRO,
      period = START,
      cancel = false,
      previous,
      at = period + 1,
      eventId,
    }: SubscriptionOptions = {},
  ) =>
    envelope(
      `customer.subscription.${type}`,
      at,
      eventId,
      {
        id,
        object: 'subscription',
        customer,
        ...(status === null ? {} : { status }),
        cancel_at_period_end: cancel,
        start_date: START,
        items: { object: 'list', data: [item(price, period)] },
        ...(generation === 'old' ? { current_period_start: period, current_period_end: period + MONTH } : {}),
      },
      previous === undefined
        ? undefined
        : { items: { data: [item(previous, period)] }, plan: { id: previous } },
    )
  const invoice = (
    type: 'paid' | 'payment_succeeded' | 'payment_failed',
    {
      subscription: subscriptionId = `sub_${user}`,
      customer = `cus_${user}`,
      reason = 'subscription_cycle',
      price = PRO,
      period = START,
      id = `in_${subscriptionId}_${period}`,
      proration = false,
      attempts = 1,
      nextAttempt = null,
      at = period + 2,
      eventId,
    }: InvoiceOptions = {},
  ) => {
    const details = { subscription: subscriptionId, proration }
    return envelope(`invoice.${type}`, at, eventId, {
      id,
      object: 'invoice',
      customer,
      billing_reason: reason,
      attempt_count: attempts,
      next_payment_attempt: nextAttempt,
      hosted_invoice_url: `https://invoice.stripe.com/i/${id}`,
      lines: {
        object: 'list',
        data: [
          {
            id: 'il_1',
            period: { start: period, end: period + MONTH },
            ...(generation === 'new'
              ? {
                  pricing: { type: 'price_details', price_details: { price } },
                  parent: { type: 'subscription_item_details', subscription_item_details: details },
                }
              : { price: { id: price, object: 'price' }, proration, subscription: subscriptionId }),
          },
        ],
      },
      ...(generation === 'old'
        ? { subscription: subscriptionId }
        : {
            parent:
              subscriptionId === null
                ? null
                : { type: 'subscription_details', subscription_details: { subscription: subscriptionId } },
          }),
    })
  }
  return { subscription, invoice }
}
