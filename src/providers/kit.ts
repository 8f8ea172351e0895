import type { VerificationConfig } from '../config.ts'
import type { Capture, ReadSignature, Unreadable } from '../inbox/provider.ts'
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
