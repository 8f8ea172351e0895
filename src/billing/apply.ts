import type { Account, Row } from './account.ts'
import { type Derived, derive } from './derive.ts'
import { type Fact, newSubscription } from './facts.ts'
import { creditsOf, settle } from './lots.ts'
import { merge } from './merge.ts'
import { type Notice, noticesOf } from './notices.ts'

/** The result of applying a fact. */
export interface Applied {
  account: Account
  /** The notifications it causes. */
  notices: Notice[]
}

/** Sees what was spent since the last fact, adds this one, and derives the row from all of them. */
export const applyFact = (account: Account, fact: Fact): Applied => {
  const was = derive(account)
  const settled = settle(account, was.lots)
  const merged = add(settled, fact)
  const is = derive(merged)
  const applied = writeRow(opensLaterPeriod(was, is) ? { ...merged, added: 0 } : merged, is)
  return { account: applied, notices: noticesOf(fact, { was, is, account: applied }) }
}

const add = (account: Account, fact: Fact): Account => {
  if (fact.kind === 'listed') return { ...account, listed: true }
  const { subscriptionId: id } = fact
  const subscription = merge(account.subscriptions.get(id) ?? newSubscription(id), fact)
  return { ...account, subscriptions: new Map(account.subscriptions).set(id, subscription) }
}

/** What other services had added ends with a later opened period of any subscription, even of one that has ended. */
const opensLaterPeriod = (was: Derived, is: Derived): boolean =>
  is.standings.values().some(({ id, latest }) => (latest?.start ?? -1) > startOf(was, id))

const startOf = ({ standings }: Derived, id: string): number => standings.get(id)?.latest?.start ?? -1

/** Writes the user's row as it follows from the facts. */
export const writeRow = (account: Account, derived: Derived): Account => {
  const credits = creditsOf(derived.lots, account)
  return { ...account, row: { ...shownRow(account, derived), credits }, written: credits }
}

/** The columns that show the best of the user's subscriptions. */
const shownRow = ({ first }: Account, { before, shown }: Derived): Row => {
  if (shown === 'before') return first
  if (shown === undefined) return { ...first, tier: before?.tier ?? 'free' }
  const { id, access, plan, status, cancels } = shown
  return {
    ...first,
    tier: access && plan !== null ? plan.tier : 'free',
    status,
    subscriptionId: id,
    periodEnd: plan?.end ?? null,
    cancels,
  }
}
