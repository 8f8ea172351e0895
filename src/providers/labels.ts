const LABELS: Record<string, string> = { sendgrid: 'SendGrid', stripe: 'Stripe', mailgun: 'Mailgun' }

/** A provider as people write it. */
export const providerLabel = (provider: string): string => LABELS[provider] ?? provider
