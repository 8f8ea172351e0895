import Stripe from 'stripe'
import type { ProviderKit } from '../kit.ts'
import { stripeSamples } from './sample.ts'
import { createStripeSigner } from './sign.ts'

export const stripeKit: ProviderKit = {
  path: '/webhooks/stripe',
  keyVariable: 'STRIPE_WEBHOOK_SECRET',
  signingKeyVariable: 'STRIPE_WEBHOOK_SECRET',
  play: (key) => {
    const signer = createStripeSigner(key)
    return {
      key: signer.secret,
      environment: {
        STRIPE_WEBHOOK_SECRET: signer.secret,
        STRIPE_PRICE_PRO: 'price_pro',
        STRIPE_PRICE_TEAMS: 'price_teams',
      },
      samples: stripeSamples(signer),
    }
  },
  readSignature: ({ headers }, config) => {
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
  },
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
