import type { Tier } from '../../billing/tiers.ts'
import type { Config } from '../../config.ts'

/** The tier of each known price. */
export type Prices = ReadonlyMap<string, Tier>

/** Stripe's prices cannot be changed: every increase is a new one, so a tier has a list of them. */
export const pricesOf = ({
  STRIPE_PRICE_PRO,
  STRIPE_PRICE_TEAMS,
}: Pick<Config, 'STRIPE_PRICE_PRO' | 'STRIPE_PRICE_TEAMS'>): Prices =>
  new Map([
    ...STRIPE_PRICE_PRO.map((price) => [price, 'pro'] as const),
    ...STRIPE_PRICE_TEAMS.map((price) => [price, 'teams'] as const),
  ])
