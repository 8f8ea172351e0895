import type { ProviderRecord } from '../record.ts'

export const stripe: ProviderRecord = {
  label: 'Stripe',
  path: '/webhooks/stripe',
  keyVariable: 'STRIPE_WEBHOOK_SECRET',
  retryHours: 72,
  undelivered: {
    url: 'https://dashboard.stripe.com/webhooks',
    resend: 'failed events, Resend',
    fetch: 'webhooks stripe catch-up',
  },
  create: async (config) => (await import('./index.ts')).createStripe(config),
  readSignature: async (capture, config) =>
    (await import('./read-signature.ts')).stripeSignature(capture, config),
  simulator: async () => (await import('../../simulators/stripe/simulator.ts')).stripeSimulator,
  localPost: async () => (await import('./local-post.ts')).stripeLocalPost,
}
