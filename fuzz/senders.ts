import type { ProviderName } from '../src/inbox/provider.ts'
import { mailgunSamples } from '../src/providers/mailgun/sample.ts'
import { createMailgunSigner } from '../src/providers/mailgun/sign.ts'
import type { SampleSubject } from '../src/providers/sample.ts'
import { sendgridSamples } from '../src/providers/sendgrid/sample.ts'
import { createSendgridSigner } from '../src/providers/sendgrid/sign.ts'
import { stripeSamples } from '../src/providers/stripe/sample.ts'
import { createStripeSigner } from '../src/providers/stripe/sign.ts'

/** Rows that `dev/seed.ts` makes. */
const ABOUT: SampleSubject = {
  outreach: '1',
  customer: 'cus_Sam',
  mailbox: 'sam@rf-send-01.com',
  contact: 'ana@acme.example',
  price: 'price_pro',
}

/** The three providers as this program plays them, each also with a key that the service does not know. */
export const createSenders = () => {
  const sendgrid = createSendgridSigner()
  const stripe = createStripeSigner()
  const mailgun = createMailgunSigner()
  const samples = {
    sendgrid: sendgridSamples(sendgrid),
    stripe: stripeSamples(stripe),
    mailgun: mailgunSamples(mailgun),
  }
  return {
    env: {
      SENDGRID_WEBHOOK_KEY: sendgrid.publicKey,
      STRIPE_WEBHOOK_SECRET: stripe.secret,
      STRIPE_PRICE_PRO: ABOUT.price,
      STRIPE_PRICE_TEAMS: 'price_teams',
      MAILGUN_WEBHOOK_SIGNING_KEY: mailgun.key,
    },
    sendgrid,
    stripe,
    mailgun,
    strangers: {
      sendgrid: createSendgridSigner(),
      stripe: createStripeSigner(),
      mailgun: createMailgunSigner(),
    },
    /** The names of a provider's sample deliveries. */
    kinds: (provider: ProviderName) => Object.keys(samples[provider]),
    /** The body of a valid delivery, unlike any other. */
    valid: (provider: ProviderName, kind: string): Buffer => {
      const now = new Date()
      const sample = samples[provider][kind]?.(ABOUT, now)
      if (sample === undefined) throw new Error(`no sample ${kind} of ${provider}`)
      return sample.sign(now).body
    },
  }
}

export type Senders = ReturnType<typeof createSenders>

export const PATHS: Record<ProviderName, string> = {
  sendgrid: '/webhooks/sendgrid',
  stripe: '/webhooks/stripe',
  mailgun: '/webhooks/mailgun-inbound',
}
