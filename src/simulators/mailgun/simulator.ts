import type { Simulator } from '../simulator.ts'
import { mailgunSamples } from './sample.ts'
import { createMailgunSigner } from './sign.ts'

export const mailgunSimulator: Simulator = {
  signingKeyVariable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
  play: (key) => {
    const signer = createMailgunSigner(key)
    return {
      key: signer.key,
      environment: { MAILGUN_WEBHOOK_SIGNING_KEY: signer.key },
      samples: mailgunSamples(signer),
    }
  },
  // Of the body only the token is signed.
  tamper: (body) => body.replace(/(?<=(?:^|&)token=)./, (first) => (first === '0' ? '1' : '0')),
}
