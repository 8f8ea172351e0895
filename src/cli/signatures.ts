import type { KeyObject } from 'node:crypto'
import Stripe from 'stripe'
import type { VerificationConfig } from '../config.ts'
import type { ProviderName } from '../inbox/provider.ts'
import { Refusal } from '../inbox/refusal.ts'
import { emptyForm } from '../providers/mailgun/form.ts'
import { verifySignature as verifyMailgun } from '../providers/mailgun/verify.ts'
import { verifySignature as verifySendgrid } from '../providers/sendgrid/verify.ts'
import type { Capture } from './capture.ts'

/** A captured delivery's signature, readable but not yet checked. */
export interface ReadSignature {
  /** Unix seconds, as signed. */
  signedAt: number
  /** How long it is fresh, in seconds. */
  maxAge: number
  /** Whether the body is signed too, so that a change of it shows. */
  coversBody: boolean
  /** The keys to try. */
  keys: number
  /** Whether the key of this number (from 0) made the signature, if the body was this one. */
  madeBy: (key: number, body: Buffer) => boolean
}

/** Why a signature cannot be read at all. */
export interface Unreadable {
  malformed: string
}

type Reader = (
  capture: Capture,
  config: VerificationConfig,
) => Promise<ReadSignature | Unreadable> | ReadSignature | Unreadable

/** The age is judged apart from the signature. */
const ANY_AGE = { maxAge: Number.POSITIVE_INFINITY, maxFuture: Number.POSITIVE_INFINITY }

/** Whether a check passes; only a refusal says that it does not. */
const passes = (check: () => unknown): boolean => {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof Refusal || error instanceof Stripe.errors.StripeSignatureVerificationError)
      return false
    throw error
  }
}

const sendgrid: Reader = ({ headers }, config) => {
  const timestamp = headers['x-twilio-email-event-webhook-timestamp']
  const signature = headers['x-twilio-email-event-webhook-signature']
  if (!timestamp || !signature) return { malformed: 'a signature header is missing: is signing switched on?' }
  if (!/^\d{1,12}$/.test(timestamp)) return { malformed: 'the timestamp is no number of seconds' }
  const bytes = Buffer.from(signature, 'base64')
  const { SENDGRID_WEBHOOK_SCHEME: scheme, SENDGRID_WEBHOOK_KEY: keys } = config
  if (scheme === 'ecdsa' && (bytes[0] !== 0x30 || bytes.length < 8)) {
    return { malformed: 'the signature is no base64 of an ECDSA signature: was it cut?' }
  }
  if (scheme === 'hmac' && bytes.length !== 32) return { malformed: 'the signature is no base64 of 32 bytes' }
  return {
    signedAt: Number(timestamp),
    maxAge: config.SENDGRID_MAX_AGE,
    coversBody: true,
    keys: keys.length,
    madeBy: (key, body) =>
      passes(() =>
        verifySendgrid(
          { headers, body, receivedAt: new Date() },
          { keys: [keys[key] as KeyObject], scheme, ...ANY_AGE },
        ),
      ),
  }
}

const stripe: Reader = ({ headers }, config) => {
  const header = headers['stripe-signature']
  if (!header) return { malformed: 'the header Stripe-Signature is missing' }
  const signedAt = /(?:^|,)\s*t=(\d{1,12})(?:,|$)/.exec(header)?.[1]
  if (signedAt === undefined || !/(?:^|,)\s*v1=[\da-f]{64}(?:,|$)/.test(header)) {
    return { malformed: 'Stripe-Signature has no time (t=) or no v1 signature of 64 hex digits: was it cut?' }
  }
  const secrets = config.STRIPE_WEBHOOK_SECRET
  return {
    signedAt: Number(signedAt),
    maxAge: config.STRIPE_MAX_AGE,
    coversBody: true,
    keys: secrets.length,
    madeBy: (key, body) =>
      // A tolerance of 0 switches the package's own check of the age off.
      passes(() => Stripe.webhooks.signature?.verifyHeader(body, header, secrets[key] ?? '', 0)),
  }
}

const mailgun: Reader = async ({ headers, body }, config) => {
  const { 'content-type': type = '' } = headers
  const posted = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => undefined)
  if (posted === undefined) return { malformed: `the body is no form of the type "${type}"` }
  const form = emptyForm()
  for (const name of ['timestamp', 'token', 'signature']) {
    const values = posted.getAll(name)
    if (values.length > 1) return { malformed: `the field ${name} is there more than once` }
    if (typeof values[0] !== 'string') return { malformed: `the field ${name} is missing` }
    form.fields.set(name, values[0])
  }
  const timestamp = form.fields.get('timestamp') ?? ''
  if (!/^\d{10}$/.test(timestamp)) return { malformed: 'the timestamp is no ten digits' }
  if (!/^[\da-f]{64}$/i.test(form.fields.get('signature') ?? '')) {
    return { malformed: 'the signature is no 64 hex digits: was it cut?' }
  }
  const keys = config.MAILGUN_WEBHOOK_SIGNING_KEY
  return {
    signedAt: Number(timestamp),
    maxAge: config.MAILGUN_MAX_AGE,
    coversBody: false,
    keys: keys.length,
    madeBy: (key) =>
      passes(() => verifyMailgun(form, new Date(), { keys: [keys[key] as KeyObject], ...ANY_AGE })),
  }
}

/** How each provider's signature is read of a capture; the checks are those of the service. */
export const readSignature: Record<ProviderName, Reader> = { sendgrid, stripe, mailgun }
