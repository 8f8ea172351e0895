import { mailgunSamples } from '../../src/simulators/mailgun/sample.ts'
import { createMailgunSigner } from '../../src/simulators/mailgun/sign.ts'
import type { SampleSubject, Samples } from '../../src/simulators/sample.ts'
import { bodyOf, createSendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import { stripeSamples } from '../../src/simulators/stripe/sample.ts'
import { createStripeSigner } from '../../src/simulators/stripe/sign.ts'
import { CUSTOMERS, eventOf, MAILBOXES, OUTREACH_ROWS } from '../events.ts'
import { type Keys, PRICE } from '../keys.ts'

/** Makes and signs one delivery of `count` events, the first of which has the given number. */
type Make = (firstEvent: number, events: number, at: Date) => SignedRequest

/** The types of ten deliveries of Stripe and of Mailgun. */
const STRIPE = [
  ...Array<string>(6).fill('customer.subscription.updated'),
  ...Array<string>(3).fill('invoice.paid'),
  'invoice.payment_failed',
]
const MAILGUN = [
  'reply',
  'reply',
  'reply',
  'new_mail',
  'colleague',
  'stranger',
  'stranger',
  'auto_reply',
  'auto_reply',
  'bounce',
]

/** Those that are measured. */
export type LoadedProvider = 'sendgrid' | 'stripe' | 'mailgun'

export const createDeliveries = (keys: Keys): Record<LoadedProvider, Make> => {
  const sendgrid = createSendgridSigner(keys.sendgrid)
  const stripe = stripeSamples(createStripeSigner(keys.stripe))
  const mailgun = mailgunSamples(createMailgunSigner(keys.mailgun))
  const pick =
    (samples: Samples, types: string[]): Make =>
    (n, _events, at) => {
      const sample = samples[types[n % types.length] as string]
      if (sample === undefined) throw new Error('there is no such sample')
      return sample(subjectOf(n), at).sign(at)
    }
  return {
    sendgrid: (firstEvent, count, at) => {
      const timestamp = Math.floor(at.getTime() / 1_000)
      const events = Array.from({ length: count }, (_, n) => eventOf(firstEvent + n, timestamp))
      return sendgrid.sign(Buffer.from(bodyOf(events)), at)
    },
    stripe: pick(stripe, STRIPE),
    mailgun: pick(mailgun, MAILGUN),
  }
}

/** Ten deliveries in a row are about the same rows. */
const subjectOf = (n: number): SampleSubject => {
  const about = Math.floor(n / 10)
  const outreach = 1 + (about % OUTREACH_ROWS)
  return {
    outreach: String(outreach),
    customer: `cus_bench_${1 + (about % CUSTOMERS)}`,
    mailbox: `box${outreach % MAILBOXES}@rf-send-01.com`,
    contact: `contact${outreach}@example.com`,
    price: PRICE,
  }
}
