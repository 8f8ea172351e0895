import type { Config } from '../config.ts'
import type { Provider } from '../inbox/provider.ts'
import { mailgun } from './mailgun/record.ts'
import type { ProviderRecord } from './record.ts'
import { sendgrid } from './sendgrid/record.ts'
import { stripe } from './stripe/record.ts'

/** Every provider, in the order in which people are shown them. A new one is a folder and a line here. */
export const providers = { sendgrid, stripe, mailgun } satisfies Record<string, ProviderRecord>

export type ProviderName = keyof typeof providers

export const PROVIDER_NAMES = Object.keys(providers) as ProviderName[]

export const isProviderName = (name: string): name is ProviderName => Object.hasOwn(providers, name)

/** A provider as people write it. A name that belongs to none stays as it is. */
export const providerLabel = (name: string): string => (isProviderName(name) ? providers[name].label : name)

/** What the inbox needs of every provider. */
export const createProviders = (config: Config): Promise<Provider[]> =>
  Promise.all(
    PROVIDER_NAMES.map(async (name) => {
      const { path, create } = providers[name]
      return { name, path, ...(await create(config)) }
    }),
  )
