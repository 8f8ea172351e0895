import type { Config, VerificationConfig } from '../config.ts'
import type { Capture, Provider, ReadSignature, Unreadable } from '../inbox/provider.ts'
import type { Simulator } from '../simulators/simulator.ts'
import type { LocalPost } from './local-post.ts'

/**
 * All there is to say about a provider, in one place. Its code is loaded when it is asked for, so that a command which
 * needs only a name does not wait for it.
 */
export interface ProviderRecord {
  /** As people write it. */
  label: string
  path: Provider['path']
  /** The variable with the keys that the service verifies with. */
  keyVariable: string
  /** For how many hours it tries to deliver: docs/providers.md. */
  retryHours: number
  /** Where it shows what it could not deliver. */
  undelivered: {
    url: string
    /** What to click there to have it delivered. */
    resend?: string
    /** The command that fetches it, without the time since when. */
    fetch?: string
  }
  /** What the inbox needs of it. */
  create: (config: Config) => Promise<CreatedProvider>
  /** How a captured delivery's signature is read; the check is that of the service. */
  readSignature: (capture: Capture, config: VerificationConfig) => Promise<ReadSignature | Unreadable>
  simulator: () => Promise<Simulator>
  /**
   * How a kept delivery is posted to a service of one's own; without it, neither the console nor the command line
   * offers that.
   */
  localPost?: () => Promise<LocalPost>
}

/** What a provider's `index.ts` makes; its name and its path are in its record. */
export type CreatedProvider<Body = unknown> = Omit<Provider<Body>, 'name' | 'path'>
