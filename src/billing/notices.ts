import type { Account } from './account.ts'
import type { UserStanding } from './before.ts'
import type { Derived } from './derive.ts'
import type { Fact, InvoiceFact } from './facts.ts'
import type { Tier } from './tiers.ts'

/** A notification that a fact causes. */
export type Notice =
  /** A subscription's access begins. */
  | { kind: 'welcome'; subscriptionId: string; tier: Tier }
  /** The subscription that the user's row showed has ended. */
  | { kind: 'ended'; subscriptionId: string; tier: Tier | null }
  /** A payment failed; for good when no further attempt is planned. */
  | { kind: 'payment-failed'; invoiceId: string; attempts: number; nextAttempt: number | null }

interface Change {
  was: Derived
  is: Derived
  account: Account
}

/**
 * Only a subscription that gave access is worth a message: not a declined card at sign-up, nor an abandoned checkout.
 */
export const noticesOf = (fact: Fact, { was, is, account }: Change): Notice[] => {
  if (fact.kind === 'listed') return []
  const old = was.standings.get(fact.subscriptionId)
  const now = is.standings.get(fact.subscriptionId)
  if (now === undefined) return []
  const { id: subscriptionId, plan } = now
  const notices: Notice[] = []
  if (!isWelcome(old) && isWelcome(now) && now.access && plan !== null) {
    notices.push({ kind: 'welcome', subscriptionId, tier: plan.tier })
  }
  if (!old?.ended && now.ended && now.begun && wasShown(now, was, is)) {
    notices.push({ kind: 'ended', subscriptionId, tier: plan?.tier ?? null })
  }
  if (fact.kind === 'invoice' && now.begun && !now.ended && isOwed(fact, account)) {
    const { invoiceId, attempts, nextAttempt } = fact
    notices.push({ kind: 'payment-failed', invoiceId, attempts, nextAttempt })
  }
  return notices
}

/** It has begun, and its user was not welcomed before the service was there. */
const isWelcome = (standing: UserStanding | undefined): boolean => standing?.begun === true && !standing.old

/** The row showed it, or stood for it until now. */
const wasShown = (now: UserStanding, was: Derived, is: Derived): boolean =>
  was.shown === 'before' ? now.id === was.before?.subscriptionId || now === is.heir : was.shown?.id === now.id

/** The attempt failed, and the invoice is not known to be paid or closed meanwhile. */
const isOwed = ({ outcome, subscriptionId, invoiceId }: InvoiceFact, { subscriptions }: Account): boolean => {
  const invoice = subscriptions.get(subscriptionId)?.invoices.get(invoiceId)
  return outcome === 'failed' && invoice?.paidAt === null && invoice.closedAt === null
}
