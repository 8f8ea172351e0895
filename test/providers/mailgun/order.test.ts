import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FormFields } from '../../../src/simulators/mailgun/sign.ts'
import { MUST_END, propertyRuns } from '../../property-runs.ts'
import type { Service } from '../../service.ts'
import {
  deliver as deliverEvents,
  domainRows,
  event,
  seedOutreach,
  sendgridEnv,
} from '../sendgrid/deliveries.ts'
import { deliver, mail, startMailgun } from './deliveries.ts'

let service: Service
beforeAll(async () => {
  service = await startMailgun(sendgridEnv)
})
afterAll(() => service.stop())

const OUTREACH = [1, 2]

/** Two outreach to one contact, each with an application of its own. */
const reset = async () => {
  await service.rows(
    `truncate users, applications, contacts, mailboxes, outreach, sequence_steps, inbound_messages, webhook_deliveries, webhook_queue, webhook_events
     restart identity cascade`,
  )
  // Its workers look for jobs all the time: what locks the whole table would meet them.
  await service.rows('delete from pgboss.job')
  for (const id of OUTREACH) await seedOutreach(service, id)
  await service.rows('update outreach set contact_id = 1 where id = 2')
}

const rows = async () => ({
  ...(await domainRows(service)),
  applications: await service.rows('select id, status, reply_status from applications order by id'),
  mails: await service.rows(
    'select message_id, outreach_id, kind, matched_by from inbound_messages order by message_id',
  ),
})

type Fact = { event: Record<string, unknown> } | { mail: FormFields }

const outreachId = fc.constantFrom(...OUTREACH)
const reported = fc
  .record({
    type: fc.constantFrom('delivered', 'bounce', 'bounce', 'unsubscribe', 'spamreport', 'click'),
    outreach_id: outreachId,
    timestamp: fc.integer({ min: 1_790_000_000, max: 1_790_000_003 }),
  })
  .map(({ type, ...fields }): Fact => ({ event: event(type, fields) }))
const answered = fc
  .record({
    outreach: outreachId,
    text: fc.constantFrom('Tuesday works.', 'unsubscribe'),
    automatic: fc.boolean(),
    thread: fc.boolean(),
  })
  .map(
    ({ outreach, text, automatic, thread }): Fact => ({
      mail: mail({
        sender: 'contact1@example.com',
        recipient: `box${outreach}@rf-send-01.com`,
        text,
        headers: {
          ...(thread ? { 'In-Reply-To': `<outreach_${outreach}@rf-send-01.com>` } : {}),
          ...(automatic ? { 'Auto-Submitted': 'auto-replied' } : {}),
        },
      }),
    }),
  )

const give = async (facts: Fact[], together: boolean, again: number) => {
  // A fresh id in the same fact: Redis remembers the ids of the round before.
  const one = (fact: Fact, n: number) =>
    'mail' in fact
      ? deliver(service, fact.mail)
      : deliverEvents(service, { ...fact.event, sg_event_id: `${fact.event.sg_event_id}-${again}-${n}` })
  if (together) await Promise.all(facts.map(one))
  else {
    for (const [n, fact] of facts.entries()) {
      await one(fact, n)
      await service.settled()
    }
  }
  await service.settled()
}

test('any order and duplication of what SendGrid tells and of mails that come back ends in the same rows', async () => {
  let round = 0
  const plan = fc.array(fc.oneof(reported, answered), { minLength: 1, maxLength: 7 }).chain((facts) =>
    fc.record({
      facts: fc.constant(facts),
      shuffled: fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length }),
      together: fc.boolean(),
    }),
  )
  await fc.assert(
    fc.asyncProperty(plan, async ({ facts, shuffled, together }) => {
      await reset()
      await give(facts, false, ++round)
      const expected = withoutReplyTimes(await rows())
      await reset()
      await give([...shuffled, ...facts.filter((fact) => !shuffled.includes(fact))], together, ++round)
      expect(withoutReplyTimes(await rows())).toEqual(expected)
    }),
    { numRuns: propertyRuns(20), interruptAfterTimeLimit: 200_000, markInterruptAsFailure: MUST_END },
  )
}, 260_000)

/** Every delivery of a mail is signed at its own time here; that the earliest counts has its own test. */
const withoutReplyTimes = (all: Awaited<ReturnType<typeof rows>>) => ({
  ...all,
  outreach: all.outreach.map((row) => ({ ...row, replied_at: row.replied_at !== null })),
})

test('every order of a delivered, a bounce and a reply ends in status replied', async () => {
  const facts: Fact[] = [
    { event: event('delivered') },
    { event: event('bounce') },
    { mail: mail({ headers: { 'In-Reply-To': '<outreach_1@rf-send-01.com>' } }) },
  ]
  const orders = facts.flatMap((a) =>
    facts.filter((b) => b !== a).map((b) => [a, b, ...facts.filter((c) => c !== a && c !== b)]),
  )
  const ends = []
  for (const [n, order] of orders.entries()) {
    await reset()
    await give(order, false, 1_000 + n)
    ends.push(withoutReplyTimes(await rows()))
  }
  expect(ends).toHaveLength(6)
  for (const end of ends) expect(end).toEqual(ends[0])
  expect(ends[0]?.outreach[0]).toMatchObject({ status: 'replied' })
})
