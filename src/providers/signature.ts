import { Refusal } from '../inbox/admission/refusal.ts'

/** The age is judged apart from the signature. */
export const ANY_AGE = { maxAge: Number.POSITIVE_INFINITY, maxFuture: Number.POSITIVE_INFINITY }

/** Whether a check passes. A `Refusal` means that it does not; other errors are passed on. */
export const passes = (check: () => unknown): boolean => {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
