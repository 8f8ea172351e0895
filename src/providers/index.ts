import type { Config } from '../config.ts'
import type { Provider } from '../inbox/provider.ts'
import { createMailgun } from './mailgun/index.ts'
import { createSendgrid } from './sendgrid/index.ts'
import { createStripe } from './stripe/index.ts'

/** Every provider this service receives. A new one is one folder and one line here. */
export const createProviders = (config: Config): Provider[] => [
  createSendgrid(config),
  createStripe(config),
  createMailgun(config),
]
