import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WAIT_LIMIT } from '../../../src/providers/sendgrid/outreach.ts'
import { MUST_END, propertyRuns } from '../../property-runs.ts'
import type { Service } from '../../service.ts'
import { deliver, domainRows, event, seedOutreach, startSendgrid } from './deliveries.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

/** It is inserted while the events about it arrive; to the same contact as outreach 1. */
const LATE = 4
const NEVER = 5

/**
 * Everything as it was: outreach 1 and 2 from one mailbox to two rows of one person, the ids of the mail behind 2
 * written by another service, and 3 to somebody else.
 */
const reset = async () => {
  await service.rows(
    'truncate users, applications, contacts, mailboxes, outreach, sequence_steps, webhook_deliveries, webhook_queue, webhook_events, misunderstood_causes restart identity cascade',
  )
  await service.rows(`delete from pgboss.job where name = 'notify-slack'`)
  for (const id of [1, 2, 3]) await seedOutreach(service, id)
  await service.rows(`update contacts set email = 'Contact1@EXAMPLE.com' where id = 2`)
  await service.rows(
    `update outreach set from_mailbox = 'box1@rf-send-01.com', message_id = 'written@host', sg_message_id = 'written'
     where id = 2`,
  )
}

const insertLate = async () => {
  await service.rows(
    `insert into outreach (id, contact_id, from_mailbox, status) values ($1, 1, 'box3@rf-send-01.com', 'sent')`,
    LATE,
  )
  await service.rows(`insert into sequence_steps (outreach_id, position) values ($1, 1)`, LATE)
}

/** Redis remembers every round; a fresh id in the same fact keeps the rows the judge. */
const renamed = (events: Record<string, unknown>[]) => {
  const round = crypto.randomUUID()
  return events.map((one) => ({ ...one, sg_event_id: `${one.sg_event_id}-${round}` }))
}

/** Posts a delivery until it is accepted, as SendGrid does. */
const send = async (events: unknown[]): Promise<void> => {
  while ((await deliver(service, ...events)).status !== 200);
}

/** Until nothing waits for an outreach any more. */
const waitItOut = async () => {
  await service.settled()
  service.advance(WAIT_LIMIT)
  await service.settled()
}

/** About single events; and about what is not understood once per cause, whichever event shows it. */
const alerts = () =>
  service.rows(
    `select data -> 'data' ->> 'text' as text from pgboss.job where name = 'notify-slack' order by 1`,
  )

const outcome = async () => ({ ...(await domainRows(service)), alerts: await alerts() })

let mails = 0
/** How an event says which outreach it is about. Never by a learned id alone: then the order may matter. */
const naming = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      outreach_id: fc.constantFrom(1, 2, 3, LATE, LATE, NEVER),
      'smtp-id': fc.constantFrom(undefined, '<a@host>', '<b@host>', '<B@host>'),
      sg_message_id: fc.constantFrom('mail-a', 'mail-b', 'mail-B'),
    }),
  },
  fc.constantFrom(
    { 'smtp-id': '<Outreach_3@host>', sg_message_id: 'mail-c' },
    { 'smtp-id': '<written@host>', sg_message_id: 'mail-d' },
    { sg_message_id: 'written' },
    { sg_message_id: '' },
    {},
  ),
)
const kind = fc.oneof(
  fc.constantFrom(
    { event: 'processed' },
    { event: 'delivered' },
    { event: 'spamreport' },
    { event: 'click' },
    { event: 'unsubscribe' },
    { event: 'group_unsubscribe' },
    { event: 'open' },
    { event: 'deferred' },
    { event: 'account_status_change', type: 'compliance_suspend' },
    { event: 'account_status_change' },
  ),
  fc.constantFrom({ event: 'bounce', type: 'bounce' }, { event: 'bounce', type: 'blocked' }),
  fc
    .constantFrom(
      'Bounced Address',
      'Invalid',
      'Unsubscribed Address',
      'Spam Reporting Address',
      'Spam Content',
      undefined,
    )
    .map((reason) => ({ event: 'dropped', reason })),
)
const fact = fc
  .record({
    kind,
    naming,
    timestamp: fc.integer({ min: 1_790_000_000, max: 1_790_000_003 }),
    email: fc.constantFrom(
      'contact1@example.com',
      'CONTACT1@example.com',
      'contact3@example.com',
      'bcc@crm.example',
      undefined,
    ),
  })
  .map(({ kind, naming, timestamp, email }) => {
    const { sg_message_id: mail, ...named } = { sg_message_id: undefined, ...naming }
    // The part after the dot makes the fact one, whatever else is equal.
    const sgMessageId = mail === undefined || mail === '' ? mail : `${mail}.f${++mails}`
    return event(kind.event, {
      outreach_id: undefined,
      ...kind,
      ...named,
      sg_message_id: sgMessageId,
      timestamp,
      email,
    })
  })

test('any order, duplication and split into deliveries of the same events ends in the same rows', async () => {
  const facts = fc.array(fact, { minLength: 1, maxLength: 14 })
  const plan = facts.chain((events) =>
    fc.record({
      events: fc.constant(events),
      shuffled: fc.shuffledSubarray([...events, ...events], { minLength: 0 }),
      cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
      together: fc.boolean(),
      /** After this share of the deliveries the late outreach is there. */
      late: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(plan, async ({ events, shuffled, cuts, together, late }) => {
      await reset()
      await insertLate()
      await send(renamed(events))
      await waitItOut()
      const expected = await outcome()

      await reset()
      const sequence = renamed([...shuffled, ...events])
      const deliveries: unknown[][] = []
      for (let from = 0, n = 0; from < sequence.length; n++) {
        const size = cuts[n % cuts.length] ?? 1
        deliveries.push(sequence.slice(from, from + size))
        from += size
      }
      const early = deliveries.splice(0, Math.floor(late * deliveries.length))
      for (const part of [early, deliveries]) {
        if (part === deliveries) await insertLate()
        if (together) await Promise.all(part.map(send))
        else for (const one of part) await send(one)
      }
      await waitItOut()
      expect(await outcome()).toEqual(expected)
    }),
    { numRuns: propertyRuns(30), interruptAfterTimeLimit: 200_000, markInterruptAsFailure: MUST_END },
  )
}, 250_000)
