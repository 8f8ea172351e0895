import type { IncomingHttpHeaders } from 'node:http'
import Stripe from 'stripe'
import { assertFresh } from '../../inbox/admission/freshness.ts'
import { costlyShape } from '../../inbox/admission/json-shape.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { Delivery } from '../../inbox/provider.ts'

const SIGNATURE = 'stripe-signature'
/** Stripe is answered 400 where the others get 401. */
const BAD_REQUEST = { statusCode: 400 }
/** The package's own check of the age is off: it accepts any time in the future. `assertFresh` checks both ways. */
const ANY_AGE = 0

export interface VerifyOptions {
  /** Signing secrets (`whsec_…`); any one may match. */
  secrets: string[]
  /** Seconds. */
  maxAge: number
  maxFuture: number
}

/** @throws {Refusal} when the signature header is missing. */
export const assertSignaturePresent = (headers: IncomingHttpHeaders): void => {
  if (!headers[SIGNATURE]) throw new Refusal('signature_missing', 'Invalid signature', BAD_REQUEST)
}

/**
 * Checks Stripe's signature over timestamp + raw body, then the timestamp's age.
 *
 * @returns the body's JSON, whose form is not yet checked.
 * @throws {Refusal} `signature_missing`, `signature_invalid`, `stale` or `malformed`
 */
export const verifiedJson = (
  { body, headers, receivedAt }: Delivery<Buffer>,
  { secrets, ...limits }: VerifyOptions,
): unknown => {
  assertSignaturePresent(headers)
  const { signedAt, header } = readSignature(String(headers[SIGNATURE]))
  // Before the signature, since constructEvent checks it and parses in one go.
  if (costlyShape(body) !== undefined) throw new Refusal('malformed', 'Invalid payload')
  const json = withAnyOf(secrets, (secret) => Stripe.webhooks.constructEvent(body, header, secret, ANY_AGE))
  assertFresh(signedAt, receivedAt, limits, BAD_REQUEST)
  return json
}

/**
 * The part of the header that is given to the package. The package uses the last of several times, so a header with
 * several must not pass with another one; and for a signature that is not hex of the right length it throws an error
 * that does not look like a refusal.
 *
 * @returns the time in unix seconds, and a header of that time and all well-formed signatures of the scheme `v1`.
 */
const readSignature = (header: string): { signedAt: number; header: string } => {
  const parts = header.split(',')
  const [time, ...others] = parts.filter((part) => part.startsWith('t='))
  const signatures = parts.filter((part) => /^v1=[0-9a-f]{64}$/.test(part))
  if (time === undefined || others.length > 0 || !/^t=\d{1,12}$/.test(time) || signatures.length === 0) {
    throw invalidSignature()
  }
  return { signedAt: Number(time.slice(2)), header: [time, ...signatures].join() }
}

/** The package takes one secret at a time. */
const withAnyOf = (secrets: string[], check: (secret: string) => unknown): unknown => {
  for (const secret of secrets) {
    try {
      return check(secret)
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw malformed(error)
    }
  }
  throw invalidSignature()
}

const invalidSignature = () => new Refusal('signature_invalid', 'Invalid signature', BAD_REQUEST)

/** Past the signature constructEvent fails in two ways only: the body is no JSON, or it is a thin event. */
const malformed = (cause: unknown): Refusal =>
  cause instanceof SyntaxError
    ? new Refusal('malformed', 'Invalid payload')
    : new Refusal('malformed', 'Invalid payload: a thin event; this endpoint takes snapshot events', {
        cause,
      })
