import { applyFact } from '../../../billing/apply.ts'
import type { InvoiceFact, SnapshotFact } from '../../../billing/facts.ts'
import { moveSubscription } from '../../../billing/move.ts'
import type { Notice } from '../../../billing/notices.ts'
import type { Accounts, Held, Owner } from './load.ts'

/** The result of a fact, and whose it was. */
export interface Taken {
  held: Held
  notices: Notice[]
}

/**
 * The account that an event is about; undefined when its user is not there yet, or when the subscription has just moved
 * to a user who is not locked here.
 */
export const heldBy = (accounts: Accounts, { customerId, subscriptionId }: Owner): Held | undefined => {
  const { held, userOfCustomer, userOfSubscription } = accounts
  const owner = userOfSubscription.get(subscriptionId ?? '')
  if (owner !== undefined && !held.has(owner)) return undefined
  const userId = (customerId === undefined ? undefined : userOfCustomer.get(customerId)) ?? owner
  return userId === undefined ? undefined : held.get(userId)
}

/** Applies a fact to the account that it is about; undefined when its user is not there yet. */
export const takeFact = (
  accounts: Accounts,
  fact: SnapshotFact | InvoiceFact,
  customerId: string | undefined,
): Taken | undefined => {
  const held = heldBy(accounts, { customerId, subscriptionId: fact.subscriptionId })
  if (held === undefined) return undefined
  claimSubscription(accounts, fact.subscriptionId, held)
  const { account, notices } = applyFact(held.account, fact)
  held.account = account
  return { held, notices }
}

/**
 * When the customer id has moved to this account, the subscription moves here from the account that had it before, by
 * its events or because that user's first row names it.
 */
const claimSubscription = ({ held, userOfSubscription }: Accounts, id: string, owner: Held): void => {
  const formerUser = userOfSubscription.get(id)
  userOfSubscription.set(id, owner.userId)
  for (const former of held.values()) {
    const had = former.userId === formerUser || former.account.first.subscriptionId === id
    if (former === owner || !had) continue
    const moved = moveSubscription(id, { from: former.account, to: owner.account })
    if (moved === undefined) continue
    former.account = moved.from
    owner.account = moved.to
  }
}
