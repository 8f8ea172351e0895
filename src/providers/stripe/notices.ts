import type { Notice } from '../../billing/notices.ts'
import { CREDITS, TIER_NAMES } from '../../billing/tiers.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import type { PaymentAlert } from './charge.ts'

/** Opened by a click on a push that has no invoice to show. */
const APP_PATH = '/'

/** Who is to be told. */
interface Payer {
  userId: string
  email: string
  customerId: string
  /** Where the invoice can be paid. */
  hostedUrl: string | null
}

/** Requests what a notice comes to: e-mails, pushes, and alerts. */
export const tell = (notice: Notice, payer: Payer, event: ClaimedEvent, batch: Batch): void => {
  if (notice.kind === 'welcome') tellWelcome(notice, payer, event, batch)
  else if (notice.kind === 'ended') tellEnded(notice, payer, event, batch)
  else tellPaymentFailed(notice, payer, event, batch)
}

type NoticeOf<K extends Notice['kind']> = Extract<Notice, { kind: K }>

const tellWelcome = (
  { subscriptionId, tier }: NoticeOf<'welcome'>,
  { email }: Payer,
  event: ClaimedEvent,
  { notify }: Batch,
): void =>
  notify({
    channel: 'email',
    key: `stripe:welcome:${subscriptionId}`,
    event: event.id,
    data: {
      to: email,
      template: 'welcome',
      data: { tier: TIER_NAMES[tier], credits: CREDITS[tier] },
    },
  })

const tellEnded = (
  { subscriptionId, tier }: NoticeOf<'ended'>,
  { email }: Payer,
  event: ClaimedEvent,
  { notify }: Batch,
): void =>
  notify({
    channel: 'email',
    key: `stripe:ended:${subscriptionId}`,
    event: event.id,
    data: {
      to: email,
      template: 'subscription-ended',
      data: { tier: tier === null ? null : TIER_NAMES[tier] },
    },
  })

/** Each attempt is reported once: Stripe may make two events of one, and both name the same next attempt. */
const tellPaymentFailed = (
  { invoiceId, attempts, nextAttempt }: NoticeOf<'payment-failed'>,
  { email, userId, customerId, hostedUrl }: Payer,
  event: ClaimedEvent,
  { notify, log }: Batch,
): void => {
  const key = `stripe:payment-failed:${invoiceId}:${attempts}:${nextAttempt ?? 'final'}`
  const nextAttemptAt = nextAttempt === null ? null : new Date(nextAttempt * 1_000).toISOString()
  notify({
    channel: 'email',
    key: `${key}:email`,
    event: event.id,
    data:
      nextAttemptAt === null
        ? { to: email, template: 'payment-failed-final', data: { invoiceUrl: hostedUrl } }
        : { to: email, template: 'payment-failed', data: { invoiceUrl: hostedUrl, nextAttemptAt } },
  })
  notify({
    channel: 'push',
    key: `${key}:push`,
    event: event.id,
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
  log('warn', 'payment failed for good', event, { invoiceId, customerId })
  notify({
    channel: 'slack',
    key: `${key}:slack`,
    event: event.id,
    data: {
      channel: 'billing',
      text: `💳 Payment failed for good: invoice ${invoiceId}, customer ${customerId}. User: ${email}`,
    },
  })
}

/** A dispute or a refund: the billing channel has to act, no row changes. */
export const tellOfPayment = (
  { about, text }: PaymentAlert,
  event: ClaimedEvent,
  { notify, log }: Batch,
): void => {
  log('warn', 'payment disputed or refunded', event, { about })
  notify({
    channel: 'slack',
    key: `stripe:${event.eventType}:${about}`,
    event: event.id,
    data: { channel: 'billing', text },
  })
}

/** Events of test mode are applied like others, so somebody has to know that they come: an alert a day (UTC). */
export const tellOfTestMode = (event: ClaimedEvent, { notify, now }: Batch): void =>
  notify({
    channel: 'slack',
    key: `stripe:test-mode:${now.toISOString().slice(0, 10)}`,
    event: event.id,
    data: {
      channel: 'ops',
      text: `🧪 Stripe sends events of test mode (livemode: false), such as ${event.eventType}. They are applied: see docs/providers.md`,
    },
  })
