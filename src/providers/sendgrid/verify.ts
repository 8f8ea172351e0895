import { createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { assertFresh } from '../../inbox/admission/freshness.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { Delivery } from '../../inbox/provider.ts'

const SIGNATURE = 'x-twilio-email-event-webhook-signature'
const TIMESTAMP = 'x-twilio-email-event-webhook-timestamp'

export interface VerifyOptions {
  /** Any one may match. P-256 public keys, or for `hmac` shared secrets. */
  keys: KeyObject[]
  scheme: 'ecdsa' | 'hmac'
  /** Seconds. */
  maxAge: number
  maxFuture: number
}

/** @throws {Refusal} when a signature header is missing. */
export const assertSignaturePresent = (headers: IncomingHttpHeaders): void => {
  if (!headers[SIGNATURE] || !headers[TIMESTAMP]) {
    throw new Refusal('signature_missing', 'Missing signature headers')
  }
}

/**
 * Checks SendGrid's signature over timestamp + raw body, then the timestamp's age.
 * @throws {Refusal} `signature_missing`, `signature_invalid` or `stale`
 */
export const verifySignature = (
  { body, headers, receivedAt }: Delivery<Buffer>,
  options: VerifyOptions,
): void => {
  assertSignaturePresent(headers)
  const timestamp = String(headers[TIMESTAMP])
  const signature = Buffer.from(String(headers[SIGNATURE]), 'base64')
  const signed = Buffer.concat([Buffer.from(timestamp), body])
  const matches = options.scheme === 'hmac' ? hmacMatches : ecdsaMatches
  if (!/^\d{1,12}$/.test(timestamp) || !options.keys.some((key) => matches(signed, signature, key))) {
    throw new Refusal('signature_invalid', 'Invalid signature')
  }
  assertFresh(Number(timestamp), receivedAt, options)
}

/** A malformed or empty DER signature is simply false. */
const ecdsaMatches = (signed: Buffer, signature: Buffer, key: KeyObject): boolean =>
  verify('sha256', signed, key, signature)

const hmacMatches = (signed: Buffer, signature: Buffer, key: KeyObject): boolean => {
  const expected = createHmac('sha256', key).update(signed).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}
