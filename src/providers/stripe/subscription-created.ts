import { grantCredits, hasAccess } from './facts.ts'
import type { Handler } from './handler.ts'
import { takeSnapshot } from './snapshot.ts'

/** `customer.subscription.created`: one that starts with access (no payment is open) gets its credits. */
export const subscriptionCreated: Handler<'customer.subscription.created'> = (event, account, context) => {
  const { subscription, snapshot } = takeSnapshot(event, account, context) ?? {}
  if (subscription === undefined || snapshot === undefined || snapshot.pricing === null) return
  if (hasAccess(snapshot.status)) grantCredits(account, subscription, snapshot.pricing, event.created)
}
