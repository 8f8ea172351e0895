import type { Simulator } from '../simulator.ts'
import { sendgridSamples } from './sample.ts'
import { createSendgridSigner } from './sign.ts'

export const sendgridSimulator: Simulator = {
  // The private half, which SendGrid keeps to itself: base64 of PKCS#8, of a pair of one's own.
  signingKeyVariable: 'SENDGRID_PRIVATE_KEY',
  play: (key) => {
    const signer = createSendgridSigner(key)
    return {
      key: signer.privateKey,
      environment: { SENDGRID_WEBHOOK_KEY: signer.publicKey },
      samples: sendgridSamples(signer),
    }
  },
}
