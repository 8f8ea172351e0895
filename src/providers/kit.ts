import type { VerificationConfig } from '../config.ts'
import { Refusal } from '../inbox/admission/refusal.ts'
import type { Samples } from './sample.ts'

/** What plays a provider, or looks into its deliveries, needs of it: the command line and `npm run dev`. */
export interface ProviderKit {
  path: `/webhooks/${string}`
  /** The variable with the keys that the service verifies with. */
  keyVariable: string
  /** The variable with the key to sign with: the same, unless the service has only the public half. */
  signingKeyVariable: string
  /** Plays the provider, with a key of its own or the one given. @throws when that is no key to sign with. */
  play: (key?: string) => PlayedProvider
  /** Changes what is signed of a body. By default a letter of the first text in its JSON. */
  tamper?: (body: string) => string
  readSignature: SignatureReader
}

interface PlayedProvider {
  /** To be kept for the next run. */
  key: string
  /** The variables of a service that takes what is signed with it. */
  environment: Record<string, string>
  samples: Samples
}

/** How a captured delivery's signature is read; the check is that of the service. */
type SignatureReader = (
  capture: Capture,
  config: VerificationConfig,
) => Promise<ReadSignature | Unreadable> | ReadSignature | Unreadable

/** A delivery as it was captured. */
export interface Capture {
  /** Names in lower case; of several with one name the last. */
  headers: Record<string, string>
  body: Buffer
}

/** A captured delivery's signature, readable but not yet checked. */
export interface ReadSignature {
  /** Unix seconds, as signed. */
  signedAt: number
  /** How long it is fresh, in seconds. */
  maxAge: number
  /** Whether the body is signed too, so that a change of it shows. */
  coversBody: boolean
  /** The keys to try. */
  keys: number
  /** Whether the key of this number (from 0) made the signature, if the body was this one. */
  madeBy: (key: number, body: Buffer) => boolean
}

/** Why a signature cannot be read at all. */
export interface Unreadable {
  malformed: string
}

/** The age is judged apart from the signature. */
export const ANY_AGE = { maxAge: Number.POSITIVE_INFINITY, maxFuture: Number.POSITIVE_INFINITY }

/** Whether a check passes; only a refusal says that it does not. */
export const passes = (check: () => unknown): boolean => {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
