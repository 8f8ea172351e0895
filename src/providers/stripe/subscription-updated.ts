import { grantCredits } from './facts.ts'
import type { Handler } from './handler.ts'
import { takeSnapshot } from './snapshot.ts'
import { CREDITS } from './tiers.ts'

/** `customer.subscription.updated`: an upgrade, from a lower known tier, gets credits at once. */
export const subscriptionUpdated: Handler<'customer.subscription.updated'> = (event, account, context) => {
  const { subscription, snapshot } = takeSnapshot(event, account, context) ?? {}
  if (subscription === undefined || snapshot === undefined || snapshot.pricing === null) return
  const { tier } = snapshot.pricing
  const upgraded = event.object.previousPriceIds.some((priceId) => {
    const before = context.prices.get(priceId)
    return before !== undefined && CREDITS[before] < CREDITS[tier]
  })
  if (upgraded) grantCredits(account, subscription, snapshot.pricing, event.created)
}
