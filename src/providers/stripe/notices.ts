import type { Notice } from '../../billing/notices.ts'
import { CREDITS, TIER_NAMES } from '../../billing/tiers.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { linkTo } from '../../notifications/pages.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { PaymentAlert } from './charge.ts'

/** The page that a click on a push opens when there is no invoice page. */
const APP_PATH = '/'

/** The user who pays and is notified. */
interface Payer {
  userId: string
  email: string
  /** Undefined when the event names none. */
  customerId: string | undefined
  /** Where the invoice can be paid. */
  hostedUrl: string | null
}

/** Requests the e-mails, pushes and alerts of a notice. */
export const tell = (notice: Notice, payer: Payer, event: ClaimedEvent, { notify, log }: Batch): void => {
  for (const notification of notificationsOf(notice, payer, event.rowId)) notify(notification)
  if (notice.kind === 'payment-failed' && notice.nextAttempt === null) {
    const { invoiceId } = notice
    log('warn', 'payment failed for good', event, { invoiceId, customerId: payer.customerId ?? null })
  }
}

/** The messages of a notice. @param event the row id of the event behind it; null when it was fetched. */
export const notificationsOf = (notice: Notice, payer: Payer, event: string | null): Notification[] => {
  if (notice.kind === 'welcome') return [welcome(notice, payer, event)]
  if (notice.kind === 'ended') return [ended(notice, payer, event)]
  return paymentFailed(notice, payer, event)
}

type NoticeOf<K extends Notice['kind']> = Extract<Notice, { kind: K }>

const welcome = (
  { subscriptionId, tier }: NoticeOf<'welcome'>,
  { email }: Payer,
  event: string | null,
): Notification => ({
  channel: 'email',
  key: `stripe:welcome:${subscriptionId}`,
  event,
  data: {
    to: email,
    template: 'welcome',
    data: { tier: TIER_NAMES[tier], credits: CREDITS[tier] },
  },
})

const ended = (
  { subscriptionId, tier }: NoticeOf<'ended'>,
  { email }: Payer,
  event: string | null,
): Notification => ({
  channel: 'email',
  key: `stripe:ended:${subscriptionId}`,
  event,
  data: {
    to: email,
    template: 'subscription-ended',
    data: { tier: tier === null ? null : TIER_NAMES[tier] },
  },
})

/** Each attempt is reported once: Stripe may make two events of one, and both name the same next attempt. */
const paymentFailed = (
  { invoiceId, attempts, nextAttempt }: NoticeOf<'payment-failed'>,
  { email, userId, customerId, hostedUrl }: Payer,
  event: string | null,
): Notification[] => {
  const key = `stripe:payment-failed:${invoiceId}:${attempts}:${nextAttempt ?? 'final'}`
  const nextAttemptAt = nextAttempt === null ? null : new Date(nextAttempt * 1_000).toISOString()
  const mail: Notification = {
    channel: 'email',
    key: `${key}:email`,
    event,
    data:
      nextAttemptAt === null
        ? { to: email, template: 'payment-failed-final', data: { invoiceUrl: hostedUrl } }
        : { to: email, template: 'payment-failed', data: { invoiceUrl: hostedUrl, nextAttemptAt } },
  }
  const push: Notification = {
    channel: 'push',
    key: `${key}:push`,
    event,
    data: {
      userId,
      title: 'Payment failed',
      body:
        nextAttemptAt === null
          ? 'Your RoleFerry payment failed for good. Pay the invoice to keep your plan.'
          : 'Your RoleFerry payment did not go through. We will try again.',
      url: hostedUrl ?? APP_PATH,
    },
  }
  if (nextAttempt !== null) return [mail, push]
  const text = `💳 Payment failed for good: invoice ${invoiceId}, customer ${customerId ?? 'unknown'}. User: ${email}`
  return [mail, push, { channel: 'slack', key: `${key}:slack`, event, data: { channel: 'billing', text } }]
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
    event: event.rowId,
    data: { channel: 'billing', text },
  })
}

/** Events of test mode are applied like others, so one alert a day (UTC) says that they come. */
export const tellOfTestMode = (event: ClaimedEvent, { notify, now }: Batch): void =>
  notify({
    channel: 'slack',
    key: `stripe:test-mode:${now.toISOString().slice(0, 10)}`,
    event: event.rowId,
    data: {
      channel: 'ops',
      text: `🧪 Stripe sends events of test mode (livemode: false), such as ${event.eventType}. They are applied like those of live mode. See ${linkTo('providers')}`,
    },
  })
