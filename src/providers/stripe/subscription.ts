import type Stripe from 'stripe'
import { z } from 'zod'
import { by, greatest } from '../../billing/compare.ts'
import { isEnd, isStatus, type SnapshotFact, type State, type Status } from '../../billing/facts.ts'
import { worthOf } from '../../billing/tiers.ts'
import { id, list, maybe, reference, type Shape, time } from './json.ts'
import type { Prices } from './prices.ts'

type Item = z.output<typeof item>
const item = z.object({
  price: maybe(reference),
  plan: maybe(reference),
  current_period_start: maybe(time),
  current_period_end: maybe(time),
} satisfies Shape<Stripe.SubscriptionItem>)

const subscription = z.object({
  id,
  status: maybe(z.string()),
  cancel_at_period_end: maybe(z.boolean()),
  cancel_at: maybe(time),
  collection_method: maybe(z.string()),
  start_date: maybe(time),
  items: list(item),
  // Before 2025-03-31 the period is the subscription's, not the items'; long before that, so is the plan.
  plan: maybe(reference),
  current_period_start: maybe(time),
  current_period_end: maybe(time),
} satisfies Shape<Stripe.Subscription, 'plan' | 'current_period_start' | 'current_period_end'>)

/** A field that is not there has not changed; one that is null was not set before. */
const previousAttributes = z
  .object({
    status: z.string().optional().catch(undefined),
    cancel_at_period_end: z.boolean().optional().catch(undefined),
    cancel_at: time.nullable().optional().catch(undefined),
    items: list(item),
    plan: maybe(reference),
  })
  .nullish()
  .catch(undefined)

/** Where and when a subscription was seen. */
export interface Sighting {
  /** The event's id; empty when it was fetched. */
  eventId: string
  /** `created` of the event, or the `Date` of the answer. Unix seconds. */
  at: number
  event: 'created' | 'updated' | 'deleted' | 'fetched'
  previousAttributes?: unknown
}

/** What a subscription's JSON says. */
export interface SubscriptionReading {
  subscriptionId: string
  /** Undefined when the status is unknown: nothing can be concluded about such a subscription. */
  fact: SnapshotFact | undefined
  /** As Stripe calls it. */
  status: string
  /** Of all items. */
  priceIds: string[]
}

/** Reads a subscription of either payload generation; undefined when it has no usable id. */
export const readSubscription = (
  json: unknown,
  sighting: Sighting,
  prices: Prices,
): SubscriptionReading | undefined => {
  const object = subscription.safeParse(json).data
  if (object === undefined) return undefined
  const items = itemsOf(object)
  const priceIds = items.flatMap(priceOf)
  const told = object.status ?? 'active'
  const status = statusOf(told, sighting.event === 'deleted')
  const reading = { subscriptionId: object.id, status: told, priceIds }
  if (status === undefined) return { ...reading, fact: undefined }

  const plan = planOf(items, object, prices)
  const { eventId, at, event } = sighting
  const fact: SnapshotFact = {
    kind: 'snapshot',
    subscriptionId: object.id,
    eventId,
    at,
    isCreated: event === 'created',
    state: {
      status,
      flag: object.cancel_at_period_end ?? false,
      cancelAt: object.cancel_at ?? null,
      prices: joined(priceIds),
    },
    previous: readPrevious(sighting.previousAttributes),
    charges: object.collection_method !== 'send_invoice',
    tier: plan?.tier ?? null,
    priceId: plan?.priceId ?? null,
    start: plan?.start ?? object.start_date ?? at,
    end: plan?.end ?? null,
  }
  return { ...reading, fact }
}

/** A payload without a status counts as active; a deleted subscription has ended whatever its payload says. */
const statusOf = (told: string, isDeleted: boolean): Status | undefined => {
  if (!isDeleted) return isStatus(told) ? told : undefined
  return isStatus(told) && isEnd(told) ? told : 'canceled'
}

const priceOf = ({ price, plan }: Partial<Item>): string[] => {
  const priceId = price ?? plan
  return priceId === undefined ? [] : [priceId]
}

const itemsOf = ({ items, plan }: z.output<typeof subscription>): Partial<Item>[] =>
  items.entries.length > 0 ? items.entries : [{ plan }]

const joined = (priceIds: string[]): string => priceIds.toSorted().join()

/** Of several items with a known price the highest tier's, then the one whose period starts last. */
const planOf = (items: Partial<Item>[], object: z.output<typeof subscription>, prices: Prices) =>
  greatest(
    items.flatMap((one) =>
      priceOf(one).flatMap((priceId) => {
        const tier = prices.get(priceId)
        // A period is the item's or the subscription's, never half of each.
        const period = one.current_period_start === undefined ? object : one
        const { current_period_start: start, current_period_end: end } = period
        return tier === undefined ? [] : [{ priceId, tier, start, end }]
      }),
    ),
    by(
      ({ tier }) => worthOf(tier),
      ({ start }) => start ?? 0,
    ),
  )

const readPrevious = (json: unknown): Partial<State> | null => {
  const before = previousAttributes.parse(json)
  if (before === undefined || before === null) return null
  const { status, cancel_at_period_end: flag, cancel_at: cancelAt, items, plan } = before
  const priceIds = (items.entries.length > 0 ? items.entries : [{ plan }]).flatMap(priceOf)
  return {
    ...(status !== undefined && { status: status as Status }),
    ...(flag !== undefined && { flag }),
    ...(cancelAt !== undefined && { cancelAt }),
    ...(priceIds.length > 0 && { prices: joined(priceIds) }),
  }
}

/**
 * A fetched subscription as a fact: a snapshot of the moment of the answer, before the events of that second, and never
 * a `created`.
 *
 * @param at the answer's `Date`, in unix seconds.
 * @returns undefined when it has no usable id, or an unknown status.
 */
export const fetchedSubscription = (json: unknown, at: number, prices: Prices): SnapshotFact | undefined =>
  readSubscription(json, { eventId: '', at, event: 'fetched' }, prices)?.fact
