import type { RefusalReason } from '../inbox/admission/refusal.ts'

/** What an operator can conclude from a refusal. */
export const REFUSAL_WORDS: Record<RefusalReason, string> = {
  signature_missing: 'Not signed: a scanner, or signing is off at the provider',
  signature_invalid: 'Signed with another key, or changed on the way',
  stale: 'Too old or too far in the future',
  replayed: 'A signature used before for another message',
  malformed: 'A body that is not what the provider sends',
  too_large: 'A body over the limit',
  media_type: 'A content type the provider does not use',
  overloaded: 'Too much at once; the provider tries again',
  unavailable: 'Postgres away or shutting down; the provider tries again',
  not_configured: 'No key is set for the provider',
}
