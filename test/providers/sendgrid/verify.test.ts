import { createHmac, createPublicKey, createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/inbox/admission/refusal.ts'
import { verifySignature } from '../../../src/providers/sendgrid/verify.ts'
import fixture from '../../fixtures/sendgrid/sendgrid-vectors.json' with { type: 'json' }

const reasonOf = (run: () => void): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

describe('the published and made-up vectors', () => {
  test('are fifteen', () => expect(fixture.vectors).toHaveLength(15))

  for (const vector of fixture.vectors) {
    test(`${vector.name} is ${vector.expectValid ? 'valid' : 'refused'}`, () => {
      const receivedAt = new Date(Number(vector.timestampHeader) * 1_000 || 0)
      const verify = () => {
        const key = createPublicKey({
          key: Buffer.from(vector.publicKeyBase64Spki, 'base64'),
          format: 'der',
          type: 'spki',
        })
        verifySignature(
          {
            body: Buffer.from(vector.payloadBase64, 'base64'),
            headers: {
              'x-twilio-email-event-webhook-signature': vector.signatureBase64Der,
              'x-twilio-email-event-webhook-timestamp': vector.timestampHeader,
            },
            receivedAt,
          },
          { keys: [key], scheme: 'ecdsa', maxAge: 60, maxFuture: 60 },
        )
      }
      if (vector.expectValid) expect(verify).not.toThrow()
      else expect(['signature_invalid', 'signature_missing']).toContain(reasonOf(verify))
    })
  }
})

describe('the hmac scheme', () => {
  const secret = 'shared-secret'
  const body = Buffer.from('[]\r\n')
  const receivedAt = new Date(1_800_000_000_000)
  const verify = (signature: string, timestamp = '1800000000') =>
    reasonOf(() =>
      verifySignature(
        {
          body,
          headers: {
            'x-twilio-email-event-webhook-signature': signature,
            'x-twilio-email-event-webhook-timestamp': timestamp,
          },
          receivedAt,
        },
        {
          keys: [createSecretKey(Buffer.from('other')), createSecretKey(Buffer.from(secret))],
          scheme: 'hmac',
          maxAge: 60,
          maxFuture: 60,
        },
      ),
    )
  const sign = (key: string, timestamp = '1800000000') =>
    createHmac('sha256', key).update(timestamp).update(body).digest('base64')

  test('takes base64 HMAC-SHA256 over timestamp and body, by any key', () => {
    expect(verify(sign(secret))).toBeUndefined()
    expect(verify(sign('other'))).toBeUndefined()
  })
  test('refuses another key, another encoding, a shorter one and a stale one', () => {
    expect(verify(sign('wrong'))).toBe('signature_invalid')
    expect(verify(Buffer.from(sign(secret), 'base64').toString('hex'))).toBe('signature_invalid')
    expect(verify(sign(secret).slice(0, 20))).toBe('signature_invalid')
    expect(verify(sign(secret, '1799999000'), '1799999000')).toBe('stale')
    expect(verify(sign(secret, '1800000100'), '1800000100')).toBe('stale')
    expect(verify(sign(secret, '18e8'), '18e8')).toBe('signature_invalid')
  })
})
