import type { KeyObject } from 'node:crypto'
import { ANY_AGE, type ProviderKit, passes } from '../kit.ts'
import { emptyForm } from './form.ts'
import { mailgunSamples } from './sample.ts'
import { createMailgunSigner } from './sign.ts'
import { verifySignature } from './verify.ts'

export const mailgunKit: ProviderKit = {
  path: '/webhooks/mailgun-inbound',
  keyVariable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
  signingKeyVariable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
  play: (key) => {
    const signer = createMailgunSigner(key)
    return {
      key: signer.key,
      environment: { MAILGUN_WEBHOOK_SIGNING_KEY: signer.key },
      samples: mailgunSamples(signer),
    }
  },
  // Of the body only the token is signed.
  tamper: (body) => body.replace(/(?<=(?:^|&)token=)./, (first) => (first === '0' ? '1' : '0')),
  readSignature: async ({ headers, body }, config) => {
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
        passes(() => verifySignature(form, new Date(), { keys: [keys[key] as KeyObject], ...ANY_AGE })),
    }
  },
}
