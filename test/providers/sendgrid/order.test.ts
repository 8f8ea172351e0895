import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { deliver, domainRows, event, seedOutreach, startSendgrid } from './deliveries.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

const OUTREACH = [1, 2, 3]

/** Everything as it was, with two outreach to one contact from one mailbox and a third of its own. */
const reset = async () => {
  await service.rows(
    'truncate users, applications, contacts, mailboxes, outreach, sequence_steps, webhook_events restart identity cascade',
  )
  for (const id of OUTREACH) await seedOutreach(service, id)
  await service.rows(`update outreach set contact_id = 1, from_mailbox = 'box1@rf-send-01.com' where id = 2`)
}

const time = fc.integer({ min: 1_790_000_000, max: 1_790_000_003 })
const fact = fc
  .record({
    type: fc.constantFrom(
      'processed',
      'delivered',
      'bounce',
      'bounce',
      'spamreport',
      'click',
      'unsubscribe',
      'dropped',
      'open',
    ),
    outreach_id: fc.constantFrom(...OUTREACH),
    timestamp: time,
    bounce: fc.constantFrom('bounce', 'blocked'),
    'smtp-id': fc.constantFrom(undefined, '<a@host>', '<b@host>', '<B@host>'),
  })
  .map(({ type, bounce, ...fields }) =>
    event(type, { ...fields, ...(type === 'bounce' ? { type: bounce } : {}) }),
  )

test('any order, duplication and split into deliveries of the same events ends in the same rows', async () => {
  const facts = fc.uniqueArray(fact, { minLength: 1, maxLength: 12, selector: (one) => one.sg_event_id })
  const plan = facts.chain((events) =>
    fc.record({
      events: fc.constant(events),
      shuffled: fc.shuffledSubarray([...events, ...events], { minLength: 0 }),
      cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
      together: fc.boolean(),
    }),
  )
  await fc.assert(
    fc.asyncProperty(plan, async ({ events, shuffled, cuts, together }) => {
      await reset()
      await deliver(service, ...events)
      await service.settled()
      const expected = await domainRows(service)

      await reset()
      await service.rows('select 1')
      // Redis remembers the first round; a fresh id in the same fact keeps the rows the judge.
      const renamed = new Map(
        events.map((one, n) => [one.sg_event_id, `${one.sg_event_id}-again-${n}-${Math.random()}`]),
      )
      const again = (one: Record<string, unknown>) => ({ ...one, sg_event_id: renamed.get(one.sg_event_id) })
      const sequence = [...shuffled, ...events].map(again)
      const deliveries: unknown[][] = []
      for (let from = 0, n = 0; from < sequence.length; n++) {
        const size = cuts[n % cuts.length] ?? 1
        deliveries.push(sequence.slice(from, from + size))
        from += size
      }
      if (together) await Promise.all(deliveries.map((part) => deliver(service, ...part)))
      else for (const part of deliveries) await deliver(service, ...part)
      await service.settled()
      expect(await domainRows(service)).toEqual(expected)
    }),
    { numRuns: 60, interruptAfterTimeLimit: 80_000, markInterruptAsFailure: true },
  )
}, 120_000)
