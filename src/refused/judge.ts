import type { Refusal } from '../inbox/admission/refusal.ts'
import type { Provider } from '../inbox/provider.ts'
import { type Diagnosis, diagnose } from './diagnosis.ts'

/** Why a refused delivery does not verify; null where that is not the reason, as with a 503. */
export interface Diagnosed {
  diagnosis: 'wrong key' | 'changed body' | 'stale' | 'malformed' | null
  /** In words. */
  because: string | null
}

const WORDS: Record<Diagnosis['verdict'], Diagnosed['diagnosis']> = {
  verified: null,
  stale: 'stale',
  changed_body: 'changed body',
  wrong_key: 'wrong key',
  malformed: 'malformed',
}

/**
 * Finds out why a delivery was refused, as `webhooks keys check` does.
 *
 * @param delivery.body as its parser read it; undefined when it was not read.
 * @param maxFuture seconds.
 */
export const judge = (
  provider: Pick<Provider, 'readSignature'>,
  { reason, message, statusCode }: Refusal,
  delivery: { body: unknown; headers: Record<string, string>; at: Date },
  maxFuture: number,
): Diagnosed => {
  if (statusCode === 503) return { diagnosis: null, because: message }
  const unread = delivery.body === undefined || delivery.body === null
  if (reason === 'too_large' || reason === 'media_type' || (unread && reason === 'malformed')) {
    return { diagnosis: 'malformed', because: message }
  }
  const { headers, body, at } = delivery
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  const { verdict, because } = diagnose(
    { headers, body: bytes },
    provider.readSignature({ headers, body: body ?? bytes }),
    at,
    maxFuture,
  )
  if (verdict !== 'verified') return { diagnosis: WORDS[verdict], because }
  if (reason === 'malformed') {
    return { diagnosis: 'malformed', because: `the signature is right, but not the body: ${message}` }
  }
  return { diagnosis: null, because: `the signature is right: ${message}` }
}
