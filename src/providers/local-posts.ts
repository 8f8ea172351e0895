import type { ProviderName } from '../inbox/provider.ts'
import type { LocalPost } from './local-post.ts'
import { mailgunLocalPost } from './mailgun/local-post.ts'
import { sendgridLocalPost } from './sendgrid/local-post.ts'
import { stripeLocalPost } from './stripe/local-post.ts'

/** How each provider's deliveries are posted to a service of one's own. */
export const localPosts: Record<ProviderName, LocalPost> = {
  sendgrid: sendgridLocalPost,
  stripe: stripeLocalPost,
  mailgun: mailgunLocalPost,
}
