import type { KeyObject } from 'node:crypto'
import { ANY_AGE, type ProviderKit, passes } from '../kit.ts'
import { sendgridSamples } from './sample.ts'
import { createSendgridSigner } from './sign.ts'
import { verifySignature } from './verify.ts'

export const sendgridKit: ProviderKit = {
  path: '/webhooks/sendgrid',
  keyVariable: 'SENDGRID_WEBHOOK_KEY',
  // The private half, which SendGrid keeps to itself: base64 of PKCS#8, of a pair of one's own.
  signingKeyVariable: 'SENDGRID_PRIVATE_KEY',
  play: (key) => {
    const signer = createSendgridSigner(key)
    return {
      key: signer.privateKey,
      environment: { SENDGRID_WEBHOOK_KEY: signer.publicKey },
      samples: sendgridSamples(signer),
    }
  },
  readSignature: ({ headers }, config) => {
    const timestamp = headers['x-twilio-email-event-webhook-timestamp']
    const signature = headers['x-twilio-email-event-webhook-signature']
    if (!timestamp || !signature)
      return { malformed: 'a signature header is missing: is signing switched on?' }
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
      madeBy: (key, body) =>
        passes(() =>
          verifySignature(
            { headers, body, receivedAt: new Date() },
            { keys: [keys[key] as KeyObject], scheme, ...ANY_AGE },
          ),
        ),
    }
  },
}
