import type { Letter } from './letter.ts'

/** The subscription a user's plan came from has ended. */
export interface SubscriptionEnded {
  /** `Pro`, `Teams`; null when it is not known. */
  tier: string | null
}

export const subscriptionEnded = ({ tier }: SubscriptionEnded): Letter => ({
  subject: 'Your RoleFerry subscription has ended',
  body: [
    `Your RoleFerry ${tier === null ? '' : `${tier} `}subscription has ended.`,
    'Your applications and replies are kept. You can subscribe again at any time to go on where you left off.',
  ],
})
