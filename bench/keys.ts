import { createMailgunSigner } from '../src/simulators/mailgun/sign.ts'
import { createSendgridSigner } from '../src/simulators/sendgrid/sign.ts'
import { createStripeSigner } from '../src/simulators/stripe/sign.ts'

/** What the load generator signs with. */
export interface Keys {
  sendgrid: string
  stripe: string
  mailgun: string
}

/** The price that every made-up subscription is about. */
export const PRICE = 'price_bench_pro'

/** New keys: the secret halves for the load generator, and the settings that verify with the others. */
export const createKeys = (): { keys: Keys; env: Record<string, string> } => {
  const sendgrid = createSendgridSigner()
  const stripe = createStripeSigner()
  const mailgun = createMailgunSigner()
  return {
    keys: { sendgrid: sendgrid.privateKey, stripe: stripe.secret, mailgun: mailgun.key },
    env: {
      SENDGRID_WEBHOOK_KEY: sendgrid.publicKey,
      STRIPE_WEBHOOK_SECRET: stripe.secret,
      STRIPE_PRICE_PRO: PRICE,
      STRIPE_PRICE_TEAMS: 'price_bench_teams',
      MAILGUN_WEBHOOK_SIGNING_KEY: mailgun.key,
    },
  }
}
