import { randomBytes } from 'node:crypto'
import Stripe from 'stripe'
import type { SignedRequest } from '../signed-request.ts'

/** What Stripe has: the endpoint's signing secret. */
export interface StripeSigner {
  /** For `STRIPE_WEBHOOK_SECRET`. */
  secret: string
  sign: (body: string, at?: Date) => SignedRequest
}

/** Signs as Stripe does, with a new secret or with one kept from an earlier run. */
export const createStripeSigner = (
  secret = `whsec_${randomBytes(24).toString('base64url')}`,
): StripeSigner => ({
  secret,
  sign: (body, at = new Date()) => ({
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({
        payload: body,
        secret,
        timestamp: Math.floor(at.getTime() / 1_000),
      }),
    },
    body: Buffer.from(body),
  }),
})
