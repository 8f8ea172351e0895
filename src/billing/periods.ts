import { type Invoice, isFull, paysPeriod } from './facts.ts'
import { type PricedSnapshot, planOfInvoice } from './plan.ts'
import { higherTier, type Tier } from './tiers.ts'

/** A period of a subscription that was opened: paid for, or begun as a trial. It is known by its start. */
export interface Period {
  start: number
  /** Every end that snapshots and invoices give it: the subscription's items can differ. */
  ends: Set<number | null>
  /** The snapshots of it, oldest first. */
  snapshots: PricedSnapshot[]
  /** The highest tier paid for. */
  paid: Tier | null
  /** A snapshot showed it as a trial. */
  isTrial: boolean
  /** Each tier paid for, and each that a snapshot in good standing shows: with the earliest time that says so. */
  tiers: Map<Tier, number>
}

/** A paid upgrade within a period: the invoice has no line for a period of its own. */
export interface Upgrade {
  tier: Tier
  /** Where the period that it belongs to ends. */
  ends: Set<number | null>
  at: number
}

export interface Opened {
  /** By their start. */
  periods: Map<number, Period>
  upgrades: Upgrade[]
}

/**
 * The periods that were opened, and the upgrades that were paid for.
 *
 * @param priced oldest first.
 * @param paid invoices of any reason but `manual`.
 * @param since a payment, or a trial begun, before this time is in the user's row (see `before.ts`).
 * @param createdCounts whether a `created` with access counts as paid.
 */
export const openedPeriods = (
  priced: PricedSnapshot[],
  paid: Invoice[],
  since: number,
  createdCounts: boolean,
): Opened => {
  const opened: Opened = { periods: new Map(), upgrades: [] }
  const open = openIn(opened.periods, priced)
  for (const { state, start, end, at, tier, isCreated, charges, former } of priced) {
    if (former) continue
    if (state.status === 'trialing' && start > since) open(start, end, at, tier).isTrial = true
    if (state.status === 'active' && isCreated && charges && createdCounts)
      pay(open(start, end, at, tier), tier)
  }
  for (const invoice of paid) {
    if (!invoice.former && (invoice.seenAt !== null || (invoice.paidAt ?? 0) > since)) {
      takePayment(invoice, priced, opened, open)
    }
  }
  for (const period of opened.periods.values()) {
    for (const upgrade of opened.upgrades) if (belongs(upgrade, period)) pay(period, upgrade.tier, upgrade.at)
    for (const { state, tier, at } of period.snapshots) if (isFull(state.status)) note(period, tier, at)
  }
  return opened
}

type Open = (start: number, end: number | null, at: number, tier: Tier | null) => Period

const openIn =
  (periods: Opened['periods'], priced: PricedSnapshot[]): Open =>
  (start, end, at, tier) => {
    const period = periods.get(start) ?? newPeriod(start, priced)
    periods.set(start, period)
    period.ends.add(end)
    if (tier !== null) note(period, tier, at)
    return period
  }

const newPeriod = (start: number, priced: PricedSnapshot[]): Period => {
  const snapshots = priced.filter((one) => one.start === start)
  const ends = new Set(snapshots.map(({ end }) => end))
  return { start, ends, snapshots, paid: null, isTrial: false, tiers: new Map() }
}

const note = ({ tiers }: Period, tier: Tier, at: number): void => {
  tiers.set(tier, Math.min(tiers.get(tier) ?? at, at))
}

const pay = (period: Period, tier: Tier | null, at?: number): void => {
  period.paid = higherTier(period.paid, tier)
  if (tier !== null && at !== undefined) note(period, tier, at)
}

/** What a paid invoice opens, or pays for within a period. */
const takePayment = (invoice: Invoice, priced: PricedSnapshot[], { upgrades }: Opened, open: Open): void => {
  const at = invoice.paidAt ?? 0
  const plan = planOfInvoice(invoice)
  if (plan !== undefined) {
    pay(open(plan.start, plan.end, at, plan.tier), plan.tier)
    return
  }

  const billed = invoice.lines.filter(({ tier, amount }) => tier !== null && amount > 0)
  const tier = billed.reduce<Tier | null>((highest, line) => higherTier(highest, line.tier), null)
  if (!invoice.isCut && !paysPeriod(invoice.reason)) {
    if (tier !== null) upgrades.push({ tier, ends: new Set(billed.map(({ end }) => end)), at })
    return
  }
  // The line of the period itself is missing, so a snapshot has to show which period starts then.
  const snapshots = priced.filter(({ start }) => start === invoice.startsAt)
  const newest = snapshots.at(-1)
  if (newest === undefined) return
  const first = snapshots.find(({ state }) => isFull(state.status))
  const opening = invoice.isCut ? (first?.tier ?? null) : tier
  pay(open(newest.start, newest.end, at, opening), opening)
}

const belongs = ({ ends }: Upgrade, period: Period): boolean => !ends.isDisjointFrom(period.ends)
