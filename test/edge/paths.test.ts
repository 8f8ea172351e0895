import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { routable } from '../../src/edge/paths.ts'
import { propertyRuns } from '../property-runs.ts'

const dots = ['.', '..', '%2e', '%2E%2e', '.%2e', '%252e%252E', '%25252e.', '..;a', '..#']
const slashes = ['/', '\\', '%2f', '%2F', '%5c', '%252f']

test('a target with a dot segment, however it is written, is routed nowhere', () => {
  const word = fc.constantFrom('console', 'webhooks', 'x', 'a.b', '%63onsole')
  const slash = fc.constantFrom(...slashes)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(slash, word)),
      slash,
      fc.constantFrom(...dots),
      fc.array(fc.tuple(slash, word)),
      fc.constantFrom('', '?q=1', '?a=/../b'),
      (before, between, dot, after, query) => {
        const target = `/console${before.flat().join('')}${between}${dot}${after.flat().join('')}${query}`
        expect(routable(target)).toBe('/.')
      },
    ),
    { numRuns: propertyRuns(2_000) },
  )
})

describe('any other stays as it is', () => {
  test.each([
    '/',
    '/console',
    '/console/events?q=..%2f..&since=2026-11-28T00:00',
    '/console/events/1',
    '/webhooks/sendgrid?a=/../b',
    '/.well-known/x',
    '/a..b/c.d/...',
    '/console/outreach/1%27--',
    '/console/events/%00',
    '/%zz',
    '*',
    'http://host/x',
  ])('%s', (target) => expect(routable(target)).toBe(target))
})
