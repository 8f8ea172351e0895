import type { Account, Allowance, Subscription } from './facts.ts'
import type { Context, Handlers } from './handler.ts'
import { invoicePaid } from './invoice-paid.ts'
import { invoicePaymentFailed } from './invoice-payment-failed.ts'
import { tellEnded, tellWelcome } from './notices.ts'
import { type HandledType, type StripeEvent, subscriptionIdOf } from './payload.ts'
import { allowanceOf, hasEnded, pricingOf, shownOf } from './standing.ts'
import { subscriptionCreated } from './subscription-created.ts'
import { subscriptionDeleted } from './subscription-deleted.ts'
import { subscriptionUpdated } from './subscription-updated.ts'

/** What is applied of Stripe's events. */
const handlers: Handlers = {
  'customer.subscription.created': subscriptionCreated,
  'customer.subscription.updated': subscriptionUpdated,
  'customer.subscription.deleted': subscriptionDeleted,
  'invoice.paid': invoicePaid,
  'invoice.payment_succeeded': invoicePaid,
  'invoice.payment_failed': invoicePaymentFailed,
}

/** Merges one event into its customer's account, and draws the consequences. */
export const applyEvent = <T extends HandledType>(
  event: StripeEvent<T>,
  account: Account,
  context: Context,
): void => {
  const about = subscriptionIdOf(event.object)
  const before = lookAt(account, about)
  handlers[event.type](event, account, context)
  const after = lookAt(account, about)

  account.shown = shownOf(account) ?? account.shown
  const ended = !before.ended && after.ended
  account.credits = creditsAfter(account.credits, before.allowance, after.allowance, ended)

  const { subscription } = after
  if (subscription === undefined) return
  const isShown = [before.shown, account.shown.subscriptionId].includes(subscription.id)
  if (ended && isShown) tellEnded(account, subscription, context)
  const tier = pricingOf(subscription)?.tier
  if (!before.begun && after.begun && !after.ended && tier !== undefined) {
    tellWelcome(account, subscription, tier, context)
  }
}

interface Look {
  /** The one the event is about, if it is known. */
  subscription: Subscription | undefined
  ended: boolean
  begun: boolean
  allowance: Allowance | null
  shown: string | null
}

const lookAt = (account: Account, id: string | undefined): Look => {
  const subscription = id === undefined ? undefined : account.subscriptions.get(id)
  return {
    subscription,
    ended: subscription !== undefined && hasEnded(subscription),
    begun: subscription?.begun ?? false,
    allowance: allowanceOf(account),
    shown: account.shown.subscriptionId,
  }
}

/**
 * Other services spend credits, so what the grants give is not what is left: another period sets, a higher tier in
 * the same one adds the difference. Without spending the credits are thus always the allowance, whatever the order.
 *
 * So an end takes all credits only where no other subscription with credits goes on. "The end of the shown one sets
 * them to 0" would make them depend on whether the other's credits were granted before that end or after it.
 */
const creditsAfter = (
  credits: number,
  before: Allowance | null,
  after: Allowance | null,
  ended: boolean,
): number => {
  if (after === null) return before !== null || ended ? 0 : credits
  if (before?.start !== after.start) return after.credits
  return Math.max(0, credits + after.credits - before.credits)
}
