import type { ProviderName } from '../inbox/provider.ts'

/** The event types each provider is known to send: the closed list behind the metric tag `event_type`. */
export const eventTypes: Record<ProviderName, ReadonlySet<string>> = {
  sendgrid: new Set([
    'processed',
    'deferred',
    'delivered',
    'bounce',
    'dropped',
    'open',
    'click',
    'spamreport',
    'unsubscribe',
    'group_unsubscribe',
    'group_resubscribe',
    'account_status_change',
  ]),
  stripe: new Set([
    'customer.subscription.created',
    'customer.subscription.updated',
    'customer.subscription.deleted',
    'invoice.paid',
    'invoice.payment_succeeded',
    'invoice.payment_failed',
    'invoice.voided',
    'invoice.marked_uncollectible',
    'charge.dispute.created',
    'charge.refunded',
  ]),
  mailgun: new Set(['inbound']),
}
