import type { ProviderName } from '../inbox/provider.ts'
import { STRIPE_EVENT_TYPES } from './stripe/event-types.ts'

/**
 * The event types each provider is known to send, those that are handled and those that are ignored on purpose. Any
 * other type was never seen before: it is tagged `other` in the metrics and reported as misunderstood.
 */
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
  stripe: new Set(STRIPE_EVENT_TYPES),
  mailgun: new Set(['inbound']),
}
