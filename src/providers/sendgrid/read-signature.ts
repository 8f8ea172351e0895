import type { KeyObject } from 'node:crypto'
import type { VerificationConfig } from '../../config.ts'
import type { Capture, ReadSignature, Unreadable } from '../../inbox/provider.ts'
import { bodyOf } from '../../simulators/sendgrid/sign.ts'
import { ANY_AGE, passes } from '../signature.ts'
import { verifySignature } from './verify.ts'

/** Reads SendGrid's signature of a delivery, without checking it. */
export const sendgridSignature = (
  { headers }: Pick<Capture, 'headers'>,
  config: VerificationConfig,
): ReadSignature | Unreadable => {
  const timestamp = headers['x-twilio-email-event-webhook-timestamp']
  const signature = headers['x-twilio-email-event-webhook-signature']
  if (!timestamp || !signature) return { malformed: 'a signature header is missing: is signing switched on?' }
  if (!/^\d{1,12}$/.test(timestamp)) return { malformed: 'the timestamp is not a number of seconds' }
  const bytes = Buffer.from(signature, 'base64')
  const { SENDGRID_WEBHOOK_SCHEME: scheme, SENDGRID_WEBHOOK_KEY: keys } = config
  if (scheme === 'ecdsa' && (bytes[0] !== 0x30 || bytes.length < 8)) {
    return { malformed: 'the signature is not a base64-encoded ECDSA signature: was it cut?' }
  }
  if (scheme === 'hmac' && bytes.length !== 32)
    return { malformed: 'the signature is not 32 bytes in base64' }
  return {
    signedAt: Number(timestamp),
    maxAge: config.SENDGRID_MAX_AGE,
    coversBody: true,
    keys: keys.length,
    write: (value) => (Array.isArray(value) ? bodyOf(value) : undefined),
    madeBy: (key, body) =>
      passes(() =>
        verifySignature(
          { headers, body, receivedAt: new Date() },
          { keys: [keys[key] as KeyObject], scheme, ...ANY_AGE },
        ),
      ),
  }
}
