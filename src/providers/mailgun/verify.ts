import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { assertFresh } from '../../inbox/admission/freshness.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { Form } from './form.ts'

export interface VerifyOptions {
  /** Any one may match: Mailgun's HTTP webhook signing keys. */
  keys: KeyObject[]
  /** Seconds. */
  maxAge: number
  maxFuture: number
}

/** What Mailgun signed. The body is not: a token authenticates one message, see `signsOnlyEventId`. */
export interface Signature {
  /** Unix seconds. */
  timestamp: number
  token: string
}

/**
 * Checks Mailgun's signature over timestamp + token, then the timestamp's age.
 * @throws {Refusal} `signature_missing`, `signature_invalid` or `stale`
 */
export const verifySignature = (
  { fields, ambiguous }: Form,
  receivedAt: Date,
  options: VerifyOptions,
): Signature => {
  const timestamp = fields.get('timestamp')
  const token = fields.get('token')
  const signature = fields.get('signature')
  if (!timestamp || !token || !signature) {
    throw new Refusal('signature_missing', 'Missing signature fields')
  }
  // Nothing separates timestamp and token: with a fixed length no digit can pass from one to the other.
  const wellFormed = !ambiguous && /^\d{10}$/.test(timestamp) && /^[\da-f]{64}$/i.test(signature)
  const given = Buffer.from(signature, 'hex')
  const matches = (key: KeyObject) =>
    timingSafeEqual(createHmac('sha256', key).update(timestamp).update(token).digest(), given)
  if (!wellFormed || !options.keys.some(matches)) {
    throw new Refusal('signature_invalid', 'Invalid signature')
  }
  assertFresh(Number(timestamp), receivedAt, options)
  return { timestamp: Number(timestamp), token }
}
