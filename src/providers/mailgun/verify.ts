import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { assertFresh } from '../../inbox/admission/freshness.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import { type Form, SIGNATURE_FIELDS, valuesOf } from './form.ts'

export interface VerifyOptions {
  /** Any one may match: Mailgun's HTTP webhook signing keys. */
  keys: KeyObject[]
  /** Seconds. */
  maxAge: number
  maxFuture: number
}

/** What Mailgun signed. The body is not: a token authenticates one message, see `signsOnlyEventId`. */
export interface Signature {
  /** Unix seconds. */
  timestamp: number
  token: string
}

/**
 * Checks Mailgun's signature over timestamp + token, then the timestamp's age. A header of the mail may be spelt like a
 * field of the signature, so of a field that is there several times every value is tried; of several combinations that
 * verify, the newest counts, since a signature that a sender can know is an older one.
 *
 * @throws {Refusal} `signature_missing`, `signature_invalid` or `stale`
 */
export const verifySignature = (form: Form, receivedAt: Date, options: VerifyOptions): Signature => {
  const [timestamps, tokens, signatures] = SIGNATURE_FIELDS.map((name) => valuesOf(form, name)) as [
    string[],
    string[],
    string[],
  ]
  if ([timestamps, tokens, signatures].some((values) => values.length === 0)) {
    throw new Refusal('signature_missing', 'Missing signature fields')
  }
  const given = signatures.filter((signature) => HEX.test(signature)).map((hex) => Buffer.from(hex, 'hex'))
  const isSigned = (timestamp: string, token: string): boolean =>
    options.keys.some((key) => {
      const expected = createHmac('sha256', key).update(timestamp).update(token).digest()
      return given.some((signature) => timingSafeEqual(expected, signature))
    })
  const fitting = timestamps
    // Nothing separates timestamp and token, so the length of the timestamp is fixed: no digit can move between them.
    .filter((timestamp) => TEN_DIGITS.test(timestamp))
    .flatMap((timestamp) =>
      tokens
        .filter((token) => isSigned(timestamp, token))
        .map((token) => ({ timestamp: Number(timestamp), token })),
    )
    .toSorted((a, b) => b.timestamp - a.timestamp)
  const [newest] = fitting
  if (newest === undefined) throw new Refusal('signature_invalid', 'Invalid signature')
  const signature = fitting.find(({ timestamp }) => isFresh(timestamp, receivedAt, options)) ?? newest
  assertFresh(signature.timestamp, receivedAt, options)
  return signature
}

const HEX = /^[\da-f]{64}$/i
const TEN_DIGITS = /^\d{10}$/

const isFresh = (timestamp: number, receivedAt: Date, options: VerifyOptions): boolean => {
  try {
    assertFresh(timestamp, receivedAt, options)
    return true
  } catch {
    return false
  }
}
