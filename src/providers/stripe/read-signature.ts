import Stripe from 'stripe'
import type { VerificationConfig } from '../../config.ts'
import type { Capture, ReadSignature, Unreadable } from '../../inbox/provider.ts'

/** Reads Stripe's signature of a delivery, without checking it. */
export const stripeSignature = (
  { headers }: Pick<Capture, 'headers'>,
  config: VerificationConfig,
): ReadSignature | Unreadable => {
  const header = headers['stripe-signature']
  if (!header) return { malformed: 'the header Stripe-Signature is missing' }
  const signedAt = /(?:^|,)\s*t=(\d{1,12})(?:,|$)/.exec(header)?.[1]
  if (signedAt === undefined || !/(?:^|,)\s*v1=[\da-f]{64}(?:,|$)/.test(header)) {
    return {
      malformed: 'Stripe-Signature has no time (t=) or no v1 signature of 64 hex digits: was it cut?',
    }
  }
  const secrets = config.STRIPE_WEBHOOK_SECRET
  return {
    signedAt: Number(signedAt),
    maxAge: config.STRIPE_MAX_AGE,
    coversBody: true,
    keys: secrets.length,
    madeBy: (key, body) => isSignedWith(secrets[key] ?? '', header, body),
  }
}

const isSignedWith = (secret: string, header: string, body: Buffer): boolean => {
  try {
    // A tolerance of 0 switches the package's own check of the age off.
    return Stripe.webhooks.signature?.verifyHeader(body, header, secret, 0) ?? false
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false
    throw error
  }
}
