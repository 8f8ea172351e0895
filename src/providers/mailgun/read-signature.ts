import type { KeyObject } from 'node:crypto'
import type { VerificationConfig } from '../../config.ts'
import type { Capture, ReadSignature, Unreadable } from '../../inbox/provider.ts'
import { ANY_AGE, passes } from '../signature.ts'
import { createCollector, emptyForm, type Form, SIGNATURE_FIELDS, valuesOf } from './form.ts'
import { verifySignature } from './verify.ts'

/** Reads Mailgun's signature of a captured delivery, without checking it. */
export const mailgunSignature = async (
  { headers, body }: Capture,
  config: VerificationConfig,
): Promise<ReadSignature | Unreadable> => {
  const { 'content-type': type = '' } = headers
  const posted = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => undefined)
  if (posted === undefined) return { malformed: `the body is no form of the type "${type}"` }
  const form = emptyForm()
  const collect = createCollector(form)
  for (const name of SIGNATURE_FIELDS) {
    for (const value of posted.getAll(name)) if (typeof value === 'string') collect(name, value)
  }
  return signatureOfForm(form, config)
}

/** Reads the signature in a form. */
export const signatureOfForm = (form: Form, config: VerificationConfig): ReadSignature | Unreadable => {
  const missing = SIGNATURE_FIELDS.find((name) => valuesOf(form, name).length === 0)
  if (missing !== undefined) return { malformed: `the field ${missing} is missing` }
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
}
