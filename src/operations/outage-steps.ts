import type { OutageReport, ProviderOutage } from './outage.ts'

const NAMES = { sendgrid: 'SendGrid', stripe: 'Stripe', mailgun: 'Mailgun' } as const

/** Where each provider shows what it could not deliver. */
const LINKS = {
  sendgrid: 'https://app.sendgrid.com/email_activity',
  stripe: 'https://dashboard.stripe.com/webhooks',
  mailgun: 'https://app.mailgun.com/mg/sending/logs',
} as const

/** What is left to do after an outage, in sentences; one that says so when nothing is. */
export const stepsAfter = ({ from, providers }: Pick<OutageReport, 'from' | 'providers'>): string[] => {
  const steps = providers.flatMap((one) => [...waiting(one), ...asking(one, from)])
  return steps.length > 0
    ? steps
    : ['Nothing: whatever was signed and got 503 has come again, and all that came by then is applied.']
}

const waiting = ({ provider, pending }: ProviderOutage): string[] =>
  pending === 0
    ? []
    : [`${NAMES[provider]}: ${pending} events that had come are not applied yet; see the backlog.`]

const asking = (one: ProviderOutage, from: Date): string[] => {
  const { provider, missing, unverified, retriesUntil } = one
  const name = NAMES[provider]
  // What was refused before its signature was checked cannot be told from what strangers sent.
  if (missing.deliveries === 0 && unverified === 0) return []
  const what =
    missing.deliveries > 0
      ? `${missing.deliveries} signed deliveries (${missing.events} events) have not come again`
      : `${unverified} deliveries were refused before their signature was checked`
  const until = retriesUntil === null ? '' : ` It tries by itself until ${retriesUntil.toISOString()}.`
  const fetch =
    provider === 'stripe'
      ? `Fetch them: webhooks stripe catch-up --since ${from.toISOString()} --reason outage`
      : `Compare with what it shows: ${LINKS[provider]}`
  const resend = provider === 'stripe' ? ` (or ${LINKS.stripe}, failed events, Resend)` : ''
  return [`${name}: ${what}.${until} ${fetch}${resend}`]
}
