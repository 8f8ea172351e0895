import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Identity } from '../../../src/inbox/provider.ts'
import { readEvents, readIdentities } from '../../../src/providers/sendgrid/events.ts'

/** Few values, so that entries are often alike in some members and not in others. */
const member = (...values: unknown[]) => fc.option(fc.constantFrom(...values), { nil: undefined })

const entry = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      sg_event_id: member('a', 'b', 'c', 7, ''),
      sg_message_id: member('mail 1', 'mail 2', 'x'.repeat(300), 5, '', null, ['mail 1']),
      event: member('open', 'click', 'open click', { toString: 1 }),
      timestamp: member(1_700_000_000, '1700000000', -0, 1e21),
      email: member('a@example.com', 'A@example.com', 'lone \ud800'),
      url: member('https://example.com', ''),
      url_offset: member({ index: 0, type: 'html' }, { type: 'html', index: 0 }, { index: 1, type: 'html' }),
      attempt: member('1', 1, { 10: 1, 9: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom(null, 'open', ['mail 1'], 0, {}) },
)

const plain = ({ eventId, dedupeKey }: Identity) => ({ eventId, dedupeKey })

test('accepting a delivery and processing it see the same events and the same copies', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
      const body = Buffer.from(JSON.stringify(entries))
      const all = readEvents(body, new Date()).map(plain)
      const ids = new Set<string>()
      const keys = new Set<string>()
      const firsts = all.filter(({ eventId, dedupeKey }) => {
        const isCopy = ids.has(eventId) || keys.has(dedupeKey)
        ids.add(eventId)
        keys.add(dedupeKey)
        return !isCopy
      })
      const { events, copies } = readIdentities(body)
      expect(events.map(plain)).toEqual(firsts)
      expect(copies).toBe(all.length - firsts.length)
    }),
    { numRuns: 1_000 },
  )
})
