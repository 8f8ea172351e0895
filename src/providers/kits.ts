import type { ProviderName } from '../inbox/provider.ts'
import type { ProviderKit } from './kit.ts'
import { mailgunKit } from './mailgun/kit.ts'
import { sendgridKit } from './sendgrid/kit.ts'
import { stripeKit } from './stripe/kit.ts'

/** Every provider's kit. */
export const kits: Record<ProviderName, ProviderKit> = {
  sendgrid: sendgridKit,
  stripe: stripeKit,
  mailgun: mailgunKit,
}
