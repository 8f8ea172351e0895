import type { Samples } from './sample.ts'

/** What plays a provider: for the command line, `npm run dev`, the demo and tests. It knows nothing of the service. */
export interface Simulator {
  /** The variable with the key to sign with: that of the service, unless the service has only the public half. */
  signingKeyVariable: string
  /** Plays the provider, with a key of its own or the one given. @throws when that is no key to sign with. */
  play: (key?: string) => PlayedProvider
  /** Changes what is signed of a body. By default a letter of the first text in its JSON. */
  tamper?: (body: string) => string
}

interface PlayedProvider {
  /** To be kept for the next run. */
  key: string
  /** The variables of a service that takes what is signed with it. */
  environment: Record<string, string>
  samples: Samples
}
