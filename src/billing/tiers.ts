/** What a subscriber pays for; without access a user is `free`. */
export type Tier = 'pro' | 'teams'

/** Per billing period. The higher tier has more. */
export const CREDITS: Readonly<Record<Tier, number>> = { pro: 500, teams: 2_000 }

export const TIER_NAMES: Readonly<Record<Tier, string>> = { pro: 'Pro', teams: 'Teams' }

export const isTier = (text: string): text is Tier => Object.hasOwn(CREDITS, text)

/** In credits; no tier is worth nothing. */
export const worthOf = (tier: Tier | null): number => (tier === null ? 0 : CREDITS[tier])

export const higherTier = (a: Tier | null, b: Tier | null): Tier | null => (worthOf(b) > worthOf(a) ? b : a)
