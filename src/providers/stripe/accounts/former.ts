import { type Invoice, keyOf, type Snapshot, type Status, type Subscription } from '../../../billing/facts.ts'
import type { Tier } from '../../../billing/tiers.ts'

// Facts as the previous version of this service stored them: not every snapshot, but what it derived from them. The
// credits it gave are already in the user's row, whose tier and credits stay as they are (the user counts as one from
// before). So these facts show how a subscription stands, but open no period.

interface FormerPricing {
  priceId: string | null
  tier: Tier
  start: number
  end: number | null
}

interface FormerSnapshot {
  at: number
  eventId: string
  status: Status
  cancels: boolean
  pricing: FormerPricing | null
}

export interface FormerFacts {
  newest: FormerSnapshot | null
  /** The newest with a known price. */
  priced: FormerSnapshot | null
  /** The latest period that a paid invoice named. */
  paidPeriod: FormerPricing | null
  /** An invoice that creates or renews it was paid. */
  paid: boolean
  /** It gave access at a known price. */
  begun: boolean
}

/** One snapshot of how it stood. */
export const formerSubscription = (
  id: string,
  facts: FormerFacts,
): Omit<Subscription, 'invoices' | 'lastEventAt'> => {
  const { newest, paid, begun } = facts
  const { eventId = '', at = 0, cancels = false } = newest ?? {}
  const told = newest?.status ?? null
  const status = paid && (told === null || told === 'incomplete') ? 'active' : told
  const pricing = pricingOf(facts)
  const snapshot: Snapshot | null = status && {
    eventId,
    at,
    isCreated: false,
    state: { status, flag: cancels, cancelAt: null, prices: pricing?.priceId ?? '' },
    previous: null,
    charges: true,
    tier: pricing?.tier ?? null,
    priceId: pricing?.priceId ?? null,
    start: pricing?.start ?? at,
    end: pricing?.end ?? null,
    former: true,
  }
  return { id, hadBegun: begun, snapshots: new Map(snapshot && [[keyOf(snapshot), snapshot]]) }
}

/** Those of the later start; on a tie, the snapshot's. */
const pricingOf = ({ priced, paidPeriod }: FormerFacts): FormerPricing | null => {
  const shown = priced?.pricing ?? null
  if (shown === null || paidPeriod === null) return shown ?? paidPeriod
  const [later, other] = paidPeriod.start > shown.start ? [paidPeriod, shown] : [shown, paidPeriod]
  return { ...later, end: later.end ?? other.end }
}

/**
 * Its reason and its lines were not kept. A failing one affects the subscription's status, so it gets a reason that
 * does so until the next event brings the true one.
 */
export const formerInvoice = (
  { id, paidAt, failedAt }: Pick<Invoice, 'id' | 'paidAt' | 'failedAt'>,
  wasPaid: boolean,
): Invoice => ({
  id,
  reason: wasPaid || paidAt === null ? 'subscription_create' : null,
  startsAt: null,
  lines: [],
  isCut: true,
  seenAt: null,
  paidAt,
  failedAt,
  closedAt: null,
  ...(paidAt !== null && { former: true }),
})
