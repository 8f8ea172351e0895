import type { KeyObject } from 'node:crypto'
import { ANY_AGE, type ProviderKit, passes } from '../kit.ts'
import { createCollector, emptyForm, SIGNATURE_FIELDS, valuesOf } from './form.ts'
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
    const collect = createCollector(form)
    for (const name of SIGNATURE_FIELDS) {
      for (const value of posted.getAll(name)) if (typeof value === 'string') collect(name, value)
      if (valuesOf(form, name).length === 0) return { malformed: `the field ${name} is missing` }
    }
    const timestamp = valuesOf(form, 'timestamp').find((value) => /^\d{10}$/.test(value))
    if (timestamp === undefined) return { malformed: 'the timestamp is not ten digits' }
    if (!valuesOf(form, 'signature').some((value) => /^[\da-f]{64}$/i.test(value))) {
      return { malformed: 'the signature is not 64 hex digits: was it cut?' }
    }
    const keys = config.MAILGUN_WEBHOOK_SIGNING_KEY
    const check = (some: KeyObject[]) => verifySignature(form, new Date(), { keys: some, ...ANY_AGE })
    return {
      // Of several timestamps the one that is signed, if any is.
      signedAt: passes(() => check(keys)) ? check(keys).timestamp : Number(timestamp),
      maxAge: config.MAILGUN_MAX_AGE,
      coversBody: false,
      keys: keys.length,
      madeBy: (key) => passes(() => check([keys[key] as KeyObject])),
    }
  },
}
