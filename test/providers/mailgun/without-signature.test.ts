import fc from 'fast-check'
import { expect, test } from 'vitest'
import { withoutSignature } from '../../../src/providers/mailgun/without-signature.ts'
import { createMailgunSigner, multipart, urlencoded } from '../../../src/simulators/mailgun/sign.ts'
import { propertyRuns } from '../../property-runs.ts'
import { mail } from './deliveries.ts'

const signer = createMailgunSigner()
const hexOf = (fields: [string, string][]) => fields.find(([name]) => name === 'signature')?.[1] ?? ''

/** The ways in which a body may hold a signature, rightly or not. */
const WAYS: Record<string, (fields: [string, string][]) => Buffer> = {
  urlencoded: (fields) => urlencoded(fields).body,
  'urlencoded with an escaped name': (fields) =>
    Buffer.from(urlencoded(fields).body.toString().replace('signature=', 's%69gnatur%65=')),
  multipart: (fields) => multipart(fields).body,
  'multipart with bare line feeds': (fields) =>
    Buffer.from(multipart(fields).body.toString().replaceAll('\r\n', '\n')),
  'multipart with an unquoted name': (fields) =>
    Buffer.from(multipart(fields).body.toString().replace('name="signature"', 'name=signature')),
  JSON: (fields) => Buffer.from(JSON.stringify({ signature: Object.fromEntries(fields) })),
  'JSON, pretty-printed': (fields) =>
    Buffer.from(JSON.stringify({ signature: Object.fromEntries(fields) }, null, 2)),
  text: (fields) => Buffer.from(fields.map(([name, value]) => `${name}: ${value}`).join('\n')),
}

test.each(Object.entries(WAYS))(
  '%s: no part of a signature is left, wherever the start is cut',
  (_way, write) => {
    fc.assert(
      fc.property(fc.nat(9), fc.integer({ min: 1, max: 4_096 }), fc.boolean(), (place, length, upper) => {
        const signed = signer
          .sign()
          .map(([name, value]): [string, string] =>
            name === 'signature' && upper ? [name, value.toUpperCase()] : [name, value],
          )
        const others = mail()
        const fields = [...others.slice(0, place), ...signed, ...others.slice(place)]
        const left = withoutSignature(write(fields).subarray(0, length)).toString('latin1')
        const hex = hexOf(fields)
        for (let from = 0; from + 16 <= hex.length; from += 8) {
          expect(left).not.toContain(hex.slice(from, from + 16))
        }
      }),
      { numRuns: propertyRuns(60) },
    )
  },
)

test.each(['not hex at all', 'short', 'zz'.repeat(40)])(
  'a malformed signature (%j) is removed, too',
  (value) => {
    const fields: [string, string][] = [
      ['token', 't'],
      ['signature', value],
      ['subject', 'Hello'],
    ]
    for (const way of ['urlencoded', 'multipart', 'JSON'] as const) {
      const left = withoutSignature(WAYS[way]?.(fields) ?? Buffer.alloc(0)).toString()
      expect(left).not.toContain(value)
      expect(left).not.toContain(encodeURIComponent(value))
      expect(left).toContain('Hello')
    }
  },
)

test('what is not a signature stays', () => {
  const body = multipart([
    ['subject', 'Hello'],
    ['stripped-text', 'line one\r\nline two'],
    ['signature', 'x'],
  ]).body
  const left = withoutSignature(body).toString()
  expect(left).toContain('Hello')
  expect(left).toContain('line one\r\nline two')
})
