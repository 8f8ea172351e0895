import { by, greatest } from './compare.ts'
import type { Invoice, Snapshot } from './facts.ts'
import { type Tier, worthOf } from './tiers.ts'

/** A known price, and the period that it is for. */
export interface Plan {
  tier: Tier
  /** Null when another service wrote the tier before the first event. */
  priceId: string | null
  start: number
  end: number | null
}

/** A snapshot whose price is known. */
export type PricedSnapshot = Snapshot & { tier: Tier }

export const isPriced = (snapshot: Snapshot): snapshot is PricedSnapshot => snapshot.tier !== null

/**
 * The period and the tier that an invoice pays for: of its lines with a known price that are not prorations
 * the one that ends last, then the one of the higher tier.
 */
export const planOfInvoice = ({ lines }: Pick<Invoice, 'lines'>): Plan | undefined =>
  greatest(
    lines.flatMap(({ isProration, tier, priceId, start, end }) =>
      isProration || tier === null || start === null ? [] : [{ tier, priceId, start, end }],
    ),
    by(
      ({ end }) => end ?? 0,
      ({ tier }) => worthOf(tier),
      ({ priceId }) => priceId ?? '',
    ),
  )

const byPeriod = by<Plan>(
  ({ start }) => start,
  ({ end }) => end ?? 0,
  ({ tier }) => worthOf(tier),
  ({ priceId }) => priceId ?? '',
)

/**
 * Price and period of a subscription: those of the later period start known, from the newest snapshot with a known
 * price or from a paid invoice; on a tie, the snapshot's. Undefined while no known price was seen.
 *
 * @param priced oldest first.
 */
export const planOf = (priced: PricedSnapshot[], paid: Invoice[]): Plan | undefined => {
  const shown = priced.at(-1)
  const line = greatest(
    paid.flatMap((invoice) => planOfInvoice(invoice) ?? []),
    byPeriod,
  )
  return line !== undefined && (shown === undefined || line.start > shown.start) ? line : shown
}
