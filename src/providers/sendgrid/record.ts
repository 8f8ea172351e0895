import type { ProviderRecord } from '../record.ts'

export const sendgrid: ProviderRecord = {
  label: 'SendGrid',
  path: '/webhooks/sendgrid',
  keyVariable: 'SENDGRID_WEBHOOK_KEY',
  retryHours: 24,
  undelivered: { url: 'https://app.sendgrid.com/email_activity' },
  create: async (config) => (await import('./index.ts')).createSendgrid(config),
  readSignature: async (capture, config) =>
    (await import('./read-signature.ts')).sendgridSignature(capture, config),
  simulator: async () => (await import('../../simulators/sendgrid/simulator.ts')).sendgridSimulator,
  localPost: async () => (await import('./local-post.ts')).sendgridLocalPost,
}
