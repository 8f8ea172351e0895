import type { Letter } from './letter.ts'

/** A subscription's access begins. */
export interface Welcome {
  /** As it is called in public: `Pro`, `Teams`. */
  tier: string
  /** Per billing period. */
  credits: number
}

export const welcome = ({ tier, credits }: Welcome): Letter => ({
  subject: `Welcome to RoleFerry ${tier}!`,
  body: [
    `Your RoleFerry ${tier} subscription is active.`,
    `You have ${credits.toLocaleString('en-US')} credits for every billing period, and they are ready to use now.`,
    'Thank you for letting us help with your job search.',
  ],
})
