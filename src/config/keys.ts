import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'

/** The fewest characters of a shared secret. */
const MIN_SECRET = 16

/** `a, b`, or a line each: several live keys, so that one can be replaced without losing an event. */
const list = z
  .string()
  .transform((value) => value.split(/\s*,\s*|\s+/))
  .refine((parts) => parts.every((part) => part !== ''), {
    error: 'expected one value, or several separated by commas or white space',
  })

/**
 * A list of keys.
 * @param read reads one; undefined when the text does not have the shape of the key.
 * @param expected names the shape in the error message, which never shows the key.
 */
const keyList = <Key>(read: (text: string) => Key | undefined, expected: string) =>
  list.transform((parts, context): Key[] => {
    const keys = parts.map(read)
    const at = keys.indexOf(undefined)
    if (at >= 0) {
      const which = parts.length === 1 ? '' : ` (number ${at + 1} of ${parts.length} does not look like one)`
      context.addIssue({ code: 'custom', message: `expected ${expected}${which}` })
    }
    return keys.filter((key) => key !== undefined)
  })

/** SendGrid's public keys: P-256, base64 of SPKI. One that was cut, padded or mistyped does not re-encode to itself. */
export const ecdsaKeys = keyList(
  readEcdsaKey,
  'the verification key shown beside the webhook: base64, 124 characters, starts with MFkw',
)

/** Secrets for an HMAC; any one of them may match. */
export const sharedSecrets = keyList(
  (text) => (isSecret(text) ? createSecretKey(Buffer.from(text, 'utf8')) : undefined),
  `a secret of at least ${MIN_SECRET} characters, without quotes, and not a public key`,
)

/** The signing secrets of Stripe's endpoints, as Stripe's own package takes them. */
export const stripeSecrets = keyList(
  (text) => (/^whsec_[^;|"'<>]+$/.test(text) && isSecret(text.slice('whsec_'.length)) ? text : undefined),
  `the signing secret of the endpoint, which starts with whsec_ and has at least ${MIN_SECRET} characters more`,
)

function readEcdsaKey(text: string): KeyObject | undefined {
  const key = publicKeyIn(Buffer.from(text, 'base64'))
  if (key?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined
  return key.export({ type: 'spki', format: 'der' }).toString('base64') === text ? key : undefined
}

/** Printable ASCII, since other characters show that it was mangled on its way here; and not a public key. */
const isSecret = (text: string): boolean =>
  text.length >= MIN_SECRET &&
  /^[!-~]+$/.test(text) &&
  !/^["'`]|["'`]$/.test(text) &&
  !text.includes('whsec_') &&
  !/^MFkw/i.test(text) &&
  !(['base64', 'base64url', 'hex'] as const).some((encoding) => publicKeyIn(Buffer.from(text, encoding)))

const publicKeyIn = (der: Buffer): KeyObject | undefined => {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
