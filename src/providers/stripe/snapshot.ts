import {
  type Account,
  hasAccess,
  isEnding,
  isStatus,
  mergeSnapshot,
  type Snapshot,
  type Status,
  type Subscription,
  subscriptionOf,
} from './facts.ts'
import type { Context } from './handler.ts'
import type { StripeEvent, SubscriptionFields } from './payload.ts'
import { CREDITS, comparePricing, knownPricings, type Prices, type Pricing } from './tiers.ts'

type SubscriptionEvent = Pick<StripeEvent, 'id' | 'type' | 'created'> & { object: SubscriptionFields }

/** A merged snapshot, and the subscription it belongs to. */
export interface Merged {
  subscription: Subscription
  snapshot: Snapshot
}

/** Merges the subscription as the event shows it; undefined when its status is none we know, which changes nothing. */
export const takeSnapshot = (
  event: SubscriptionEvent,
  account: Account,
  { prices, log }: Context,
): Merged | undefined => {
  const { object, created } = event
  const subscription = subscriptionOf(account, object.id, created)
  const status = readStatus(event)
  if (status === undefined) {
    log('warn', 'unknown subscription status', {
      subscriptionId: object.id,
      status: object.status?.slice(0, 50) ?? null,
    })
    return undefined
  }
  const pricing = readPricing(event, prices)
  if (pricing === null && !isEnding(status)) {
    const [item] = object.items
    log('warn', 'unknown price', { subscriptionId: object.id, priceId: item?.priceId ?? null })
  }
  const snapshot = { at: created, eventId: event.id, status, cancels: object.cancels, pricing }
  mergeSnapshot(subscription, snapshot)
  if (hasAccess(status) && pricing !== null) subscription.begun = true
  return { subscription, snapshot }
}

/** A payload without a status counts as active; a deleted subscription has ended whatever its payload says. */
const readStatus = ({ type, object }: SubscriptionEvent): Status | undefined => {
  const status = object.status ?? 'active'
  if (type !== 'customer.subscription.deleted') return isStatus(status) ? status : undefined
  return isStatus(status) && isEnding(status) ? status : 'canceled'
}

/** Of several items with a known price the highest tier's. */
const readPricing = ({ object, created }: SubscriptionEvent, prices: Prices): Pricing | null =>
  knownPricings(object.items, prices, object.startDate ?? created).sort(
    (a, b) => CREDITS[b.tier] - CREDITS[a.tier] || comparePricing(b, a),
  )[0] ?? null
