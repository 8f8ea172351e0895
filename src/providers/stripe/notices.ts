import type { Account, Subscription } from './facts.ts'
import type { Context } from './handler.ts'
import type { StripeEvent } from './payload.ts'
import { pricingOf } from './standing.ts'
import { CREDITS, TIER_NAMES, type Tier } from './tiers.ts'

/** Opened by a click on a push that has no invoice to show. */
const APP_PATH = '/'

/** Each attempt is told once: Stripe may make two events of one, and both name the same next attempt. */
export const tellPaymentFailed = (
  { object, customerId }: StripeEvent<'invoice.payment_failed'>,
  { email, userId }: Account,
  { notify, log }: Context,
): void => {
  const { id: invoiceId, hostedUrl, nextAttempt, attempts } = object
  const key = `stripe:payment-failed:${invoiceId}:${attempts}:${nextAttempt ?? 'final'}`
  const nextAttemptAt = nextAttempt === null ? null : new Date(nextAttempt * 1_000).toISOString()
  notify({
    channel: 'email',
    key: `${key}:email`,
    data:
      nextAttemptAt === null
        ? { to: email, template: 'payment-failed-final', data: { invoiceUrl: hostedUrl } }
        : { to: email, template: 'payment-failed', data: { invoiceUrl: hostedUrl, nextAttemptAt } },
  })
  notify({
    channel: 'push',
    key: `${key}:push`,
    data: {
      userId,
      title: 'Payment failed',
      body:
        nextAttemptAt === null
          ? 'Your RoleFerry payment failed for good. Pay the invoice to keep your plan.'
          : 'Your RoleFerry payment did not go through. We will try again.',
      url: hostedUrl ?? APP_PATH,
    },
  })
  if (nextAttempt !== null) return
  log('warn', 'payment failed for good', { invoiceId, customerId: customerId ?? null })
  notify({
    channel: 'slack',
    key: `${key}:slack`,
    data: {
      channel: 'billing',
      text: `💳 Payment failed for good: invoice ${invoiceId}, customer ${customerId}. User: ${email}`,
    },
  })
}

export const tellWelcome = (
  { email }: Account,
  { id }: Subscription,
  tier: Tier,
  { notify }: Context,
): void =>
  notify({
    channel: 'email',
    key: `stripe:welcome:${id}`,
    data: {
      to: email,
      template: 'welcome',
      data: { tier: TIER_NAMES[tier], credits: CREDITS[tier] },
    },
  })

export const tellEnded = ({ email }: Account, subscription: Subscription, { notify }: Context): void => {
  const tier = pricingOf(subscription)?.tier
  notify({
    channel: 'email',
    key: `stripe:ended:${subscription.id}`,
    data: {
      to: email,
      template: 'subscription-ended',
      data: { tier: tier === undefined ? null : TIER_NAMES[tier] },
    },
  })
}
