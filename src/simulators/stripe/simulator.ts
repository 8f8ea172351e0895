import type { Simulator } from '../simulator.ts'
import { stripeSamples } from './sample.ts'
import { createStripeSigner } from './sign.ts'

export const stripeSimulator: Simulator = {
  signingKeyVariable: 'STRIPE_WEBHOOK_SECRET',
  play: (key) => {
    const signer = createStripeSigner(key)
    return {
      key: signer.secret,
      environment: {
        STRIPE_WEBHOOK_SECRET: signer.secret,
        STRIPE_PRICE_PRO: 'price_pro',
        STRIPE_PRICE_TEAMS: 'price_teams',
      },
      samples: stripeSamples(signer),
    }
  },
}
