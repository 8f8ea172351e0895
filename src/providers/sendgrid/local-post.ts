import type { LocalPost } from '../local-post.ts'

export const sendgridLocalPost: LocalPost = {
  // The private half, base64 of PKCS#8: the service itself has the public one only.
  keyVariable: 'SENDGRID_PRIVATE_KEY',
  contentType: 'application/json;charset=utf-8',
  body: (kept) => kept,
  bodyOfOne: (payload) => `[${payload}]`,
  sign: [
    `printf %s "$key" | openssl base64 -d -A | openssl pkey -inform DER -out "$body.key"`,
    `signature=$({ printf %s "$t"; cat "$body"; } | openssl dgst -sha256 -sign "$body.key" | openssl base64 -A)`,
  ],
  headers: [
    'x-twilio-email-event-webhook-timestamp: $t',
    'x-twilio-email-event-webhook-signature: $signature',
  ],
}
