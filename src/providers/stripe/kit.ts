import type { ProviderKit } from '../kit.ts'
import { stripeSignature } from './read-signature.ts'
import { stripeSamples } from './sample.ts'
import { createStripeSigner } from './sign.ts'

export const stripeKit: ProviderKit = {
  path: '/webhooks/stripe',
  keyVariable: 'STRIPE_WEBHOOK_SECRET',
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
  readSignature: stripeSignature,
}
