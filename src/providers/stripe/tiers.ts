import type { Config } from '../../config.ts'
import type { PricedPeriod } from './payload.ts'

/** What a subscriber pays for; without access a user is `free`. */
export type Tier = 'pro' | 'teams'

/** Per billing period. The higher tier has more. */
export const CREDITS: Readonly<Record<Tier, number>> = { pro: 500, teams: 2_000 }

export const TIER_NAMES: Readonly<Record<Tier, string>> = { pro: 'Pro', teams: 'Teams' }

export const isTier = (text: string): text is Tier => Object.hasOwn(CREDITS, text)

/** The tier of each known price. */
export type Prices = ReadonlyMap<string, Tier>

export const pricesOf = (config: Pick<Config, 'STRIPE_PRICE_PRO' | 'STRIPE_PRICE_TEAMS'>): Prices => {
  const prices = new Map<string, Tier>()
  if (config.STRIPE_PRICE_PRO !== undefined) prices.set(config.STRIPE_PRICE_PRO, 'pro')
  if (config.STRIPE_PRICE_TEAMS !== undefined) prices.set(config.STRIPE_PRICE_TEAMS, 'teams')
  return prices
}

/** A known price and the period it is paid for, in unix seconds. */
export interface Pricing {
  /** Null when another service wrote the user's tier before the first event came. */
  priceId: string | null
  /** Kept, so that a price that leaves the configuration leaves nobody without a tier. */
  tier: Tier
  start: number
  end: number | null
}

/** The later period, then the latest end, the higher tier, the price id: one order, whatever arrives first. */
export const comparePricing = (a: Pricing, b: Pricing): number =>
  a.start - b.start ||
  (a.end ?? 0) - (b.end ?? 0) ||
  CREDITS[a.tier] - CREDITS[b.tier] ||
  compareText(a.priceId ?? '', b.priceId ?? '')

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The periods whose price is known. @param startWithout what counts as the start of one that tells none. */
export const knownPricings = (periods: PricedPeriod[], prices: Prices, startWithout: number): Pricing[] =>
  periods.flatMap(({ priceId, start = startWithout, end = null }) => {
    const tier = priceId === undefined ? undefined : prices.get(priceId)
    return priceId === undefined || tier === undefined ? [] : [{ priceId, tier, start, end }]
  })
