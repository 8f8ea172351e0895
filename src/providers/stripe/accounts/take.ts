import { applyFact } from '../../../billing/apply.ts'
import type { Fact } from '../../../billing/facts.ts'
import { moveSubscription } from '../../../billing/move.ts'
import type { Notice } from '../../../billing/notices.ts'
import type { Accounts, Held, Owner } from './load.ts'

/** What a fact came to, and whose it was. */
export interface Taken {
  held: Held
  notices: Notice[]
}

/** The account that an event is about; undefined when its user is not there yet. */
export const heldBy = (accounts: Accounts, { customerId, subscriptionId }: Owner): Held | undefined => {
  const { held, userOfCustomer, userOfSubscription } = accounts
  const userId = userOfCustomer.get(customerId) ?? userOfSubscription.get(subscriptionId ?? '')
  return userId === undefined ? undefined : held.get(userId)
}

/** Applies a fact to the account that it is about; undefined when its user is not there yet. */
export const takeFact = (accounts: Accounts, customerId: string, fact: Fact): Taken | undefined => {
  const subscriptionId = fact.kind === 'listed' ? undefined : fact.subscriptionId
  const held = heldBy(accounts, { customerId, subscriptionId })
  if (held === undefined) return undefined
  if (subscriptionId !== undefined) claimSubscription(accounts, subscriptionId, held)
  const { account, notices } = applyFact(held.account, fact)
  held.account = account
  return { held, notices }
}

/** When the customer id has moved to this account, its subscription comes from the one that had it before. */
const claimSubscription = ({ held, userOfSubscription }: Accounts, id: string, owner: Held): void => {
  const before = held.get(userOfSubscription.get(id) ?? '')
  userOfSubscription.set(id, owner.userId)
  if (before === undefined || before === owner) return
  // A row that another service wrote, and nothing known of it: there is nothing to move.
  if (!before.account.subscriptions.has(id) && before.account.first.subscriptionId !== id) return
  const moved = moveSubscription(id, before.account, owner.account)
  before.account = moved.from
  owner.account = moved.to
}
