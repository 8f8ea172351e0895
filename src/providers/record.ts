import type { Config, VerificationConfig } from '../config.ts'
import type { Capture, Provider, ReadSignature, Unreadable } from '../inbox/provider.ts'
import type { Simulator } from '../simulators/simulator.ts'
import type { LocalPost } from './local-post.ts'

/**
 * Everything about a provider, in one place. Its code is loaded on demand, so that a command which needs only the name
 * starts fast.
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
   * How a kept delivery is posted to the reader's own service. Without it, console and command line do not offer that.
   */
  localPost?: () => Promise<LocalPost>
}

/** What a provider's `index.ts` makes; its name and its path are in its record. */
export type CreatedProvider<Body = unknown> = Omit<Provider<Body>, 'name' | 'path'>
