import { SEEDED } from '../harness/seed.ts'
import { createMailgunSigner } from '../src/simulators/mailgun/sign.ts'
import { mailgunSimulator } from '../src/simulators/mailgun/simulator.ts'
import { createSendgridSigner } from '../src/simulators/sendgrid/sign.ts'
import { sendgridSimulator } from '../src/simulators/sendgrid/simulator.ts'
import { createStripeSigner } from '../src/simulators/stripe/sign.ts'
import { stripeSimulator } from '../src/simulators/stripe/simulator.ts'

/** Those whose deliveries this program knows how to forge. */
export const FUZZED = ['sendgrid', 'stripe', 'mailgun'] as const
type Fuzzed = (typeof FUZZED)[number]

/** The three providers as this program plays them, each also with a key that the service does not know. */
export const createSenders = () => {
  const sendgrid = createSendgridSigner()
  const stripe = createStripeSigner()
  const mailgun = createMailgunSigner()
  const played = {
    sendgrid: sendgridSimulator.play(sendgrid.privateKey),
    stripe: stripeSimulator.play(stripe.secret),
    mailgun: mailgunSimulator.play(mailgun.key),
  }
  return {
    env: {
      ...played.sendgrid.environment,
      ...played.stripe.environment,
      ...played.mailgun.environment,
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
    kinds: (provider: Fuzzed) => Object.keys(played[provider].samples),
    /** The body of a valid delivery, unlike any other. */
    valid: (provider: Fuzzed, kind: string): Buffer => {
      const now = new Date()
      const sample = played[provider].samples[kind]?.(SEEDED, now)
      if (sample === undefined) throw new Error(`no sample ${kind} of ${provider}`)
      return sample.sign(now).body
    },
  }
}

export type Senders = ReturnType<typeof createSenders>
