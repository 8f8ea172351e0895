import type { ProviderRecord } from '../record.ts'

export const mailgun: ProviderRecord = {
  label: 'Mailgun',
  path: '/webhooks/mailgun-inbound',
  keyVariable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
  retryHours: 8,
  undelivered: { url: 'https://app.mailgun.com/mg/sending/logs' },
  create: async (config) => (await import('./index.ts')).createMailgun(config),
  readSignature: async (capture, config) =>
    (await import('./read-signature.ts')).mailgunSignature(capture, config),
  simulator: async () => (await import('../../simulators/mailgun/simulator.ts')).mailgunSimulator,
  localPost: async () => (await import('./local-post.ts')).mailgunLocalPost,
}
