import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { SignedRequest } from '../signed-request.ts'

/** What SendGrid has: a key pair, of which the service gets the public half. */
export interface SendgridSigner {
  /** For `SENDGRID_WEBHOOK_KEY`. */
  publicKey: string
  /** Base64 of the PKCS#8 key, to be kept for the next run. */
  privateKey: string
  sign: (body: Buffer, at?: Date) => SignedRequest
}

/** Signs as SendGrid does, with a new key pair or with one kept from an earlier run. */
export const createSendgridSigner = (kept?: string): SendgridSigner => {
  const privateKey =
    kept === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
      : createPrivateKey({ key: Buffer.from(kept, 'base64'), format: 'der', type: 'pkcs8' })
  return {
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    sign: (body, at = new Date()) => {
      const timestamp = String(Math.floor(at.getTime() / 1_000))
      const signed = Buffer.concat([Buffer.from(timestamp), body])
      return {
        headers: {
          'content-type': 'application/json;charset=utf-8',
          'user-agent': 'SendGrid Event API',
          'x-twilio-email-event-webhook-timestamp': timestamp,
          'x-twilio-email-event-webhook-signature': sign('sha256', signed, privateKey).toString('base64'),
        },
        body,
      }
    },
  }
}

/** A body as SendGrid writes it: CRLF between events and at the end. */
export const bodyOf = (events: unknown[]): string =>
  `[${events.map((event) => JSON.stringify(event)).join(',\r\n')}]\r\n`
