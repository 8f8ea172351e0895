import type pg from 'pg'
import { outreachStatus } from '../../src/db/schema.ts'
import { bodyOf, createSendgridSigner } from '../../src/providers/sendgrid/sign.ts'
import { add, type Effects } from '../effects.ts'
import type { Random } from '../random.ts'
import type { Traffic } from './traffic.ts'

const OUTREACH = 2_000
const CONTACTS = 500
const MAILBOXES = 20
const BOUNCES_TO_SUPPRESS = 3

/** How often each type comes, roughly as in a real account. */
const TYPES = [
  ...Array<string>(35).fill('delivered'),
  ...Array<string>(25).fill('click'),
  ...Array<string>(10).fill('processed'),
  ...Array<string>(10).fill('open'),
  ...Array<string>(10).fill('bounce'),
  ...Array<string>(4).fill('dropped'),
  ...Array<string>(3).fill('deferred'),
  ...Array<string>(2).fill('unsubscribe'),
  'spamreport',
]

/** Weakest first; the strongest stands. */
const REASONS = ['bounces', 'unsubscribed', 'spam']
const contactOf = (outreach: number) => 1 + (outreach % CONTACTS)
const mailboxOf = (outreach: number) => 1 + (outreach % MAILBOXES)

/**
 * SendGrid's batches over {@link OUTREACH} outreach rows that share contacts and mailboxes, so that batches and
 * replicas meet at the same rows.
 *
 * @param batch how many events a delivery carries, at least and at most.
 */
export const createSendgridTraffic = (
  random: Random,
  { batch = [1, 12] }: { batch?: [number, number] } = {},
): Traffic => {
  const signer = createSendgridSigner()
  const effects: Effects = new Map()
  const statuses = new Map<number, number>()
  const deliveredAt = new Map<number, number>()
  const bounces = new Map<number, number>()
  const optedOut = new Map<number, number>()
  let serial = 0

  const raise = (outreach: number, status: (typeof outreachStatus.enumValues)[number]) => {
    const rank = outreachStatus.enumValues.indexOf(status)
    statuses.set(outreach, Math.max(rank, statuses.get(outreach) ?? 0))
  }
  const optOut = (contact: number, reason: string) => {
    optedOut.set(contact, Math.max(REASONS.indexOf(reason), optedOut.get(contact) ?? 0))
  }

  /** What the rules say that one event does; deliberately written a second time, unlike the service does it. */
  const expect = (type: string, blocked: boolean, outreach: number, seconds: number) => {
    const contact = contactOf(outreach)
    switch (type) {
      case 'delivered':
        raise(outreach, 'delivered')
        deliveredAt.set(outreach, Math.max(seconds, deliveredAt.get(outreach) ?? 0))
        return
      case 'click':
        return add(effects, `clicks of outreach ${outreach}`)
      case 'bounce':
        raise(outreach, 'bounced')
        add(effects, `bounces of mailbox ${mailboxOf(outreach)}`)
        add(effects, `incidents of mailbox ${mailboxOf(outreach)}`)
        if (blocked) return
        add(effects, `bounces of contact ${contact}`)
        bounces.set(contact, 1 + (bounces.get(contact) ?? 0))
        if ((bounces.get(contact) ?? 0) >= BOUNCES_TO_SUPPRESS) optOut(contact, 'bounces')
        return
      case 'dropped':
        return raise(outreach, 'dropped')
      case 'unsubscribe':
        return optOut(contact, 'unsubscribed')
      case 'spamreport':
        raise(outreach, 'spam')
        add(effects, `spam reports of mailbox ${mailboxOf(outreach)}`)
        add(effects, `incidents of mailbox ${mailboxOf(outreach)}`)
        add(effects, `spam reports of contact ${contact}`)
        add(effects, `alerts about outreach ${outreach}`)
        return optOut(contact, 'spam')
    }
  }

  const makeEvent = () => {
    serial++
    const outreach = random.between(1, OUTREACH)
    const type = random.pick(TYPES)
    const blocked = type === 'bounce' && random.percent(30)
    const seconds = Math.floor(Date.now() / 1_000) - random.between(0, 3_600)
    expect(type, blocked, outreach, seconds)
    return {
      email: `contact${contactOf(outreach)}@example.com`,
      timestamp: seconds,
      event: type,
      sg_event_id: `chaos-${serial}-${random.between(0, 1e9)}`,
      sg_message_id: `message-${serial}.filter`,
      outreach_id: String(outreach),
      ...(type === 'bounce' ? { type: blocked ? 'blocked' : 'bounce', reason: '550 no such user' } : {}),
      ...(type === 'click' ? { url: `https://example.com/${serial}`, useragent: 'Mozilla/5.0' } : {}),
    }
  }

  return {
    provider: 'sendgrid',
    env: { SENDGRID_WEBHOOK_KEY: signer.publicKey },
    weight: 4,
    seed: async (db) => {
      await db.query(
        `insert into users (id, email) select n, 'user' || n || '@example.com' from generate_series(1, 50) n`,
      )
      await db.query(
        'insert into applications (id, user_id) select n, 1 + n % 50 from generate_series(1, 200) n',
      )
      await db.query(
        `insert into contacts (id, email, first_name)
         select n, 'contact' || n || '@example.com', 'Ana' from generate_series(1, ${CONTACTS}) n`,
      )
      await db.query(
        `insert into mailboxes (id, email) select n, 'box' || n || '@rf-send.com' from generate_series(1, ${MAILBOXES}) n`,
      )
      await db.query(
        `insert into outreach (id, application_id, contact_id, from_mailbox, status, sent_at)
         select n, 1 + n % 200, 1 + n % ${CONTACTS}, 'box' || (1 + n % ${MAILBOXES}) || '@rf-send.com', 'sent', now()
         from generate_series(1, ${OUTREACH}) n`,
      )
      await db.query(
        'insert into sequence_steps (outreach_id, position) select id, 1 from outreach where id % 4 = 0',
      )
    },
    next: () => {
      const events = Array.from({ length: random.between(...batch) }, makeEvent)
      const body = Buffer.from(bodyOf(events))
      return {
        provider: 'sendgrid',
        path: '/webhooks/sendgrid',
        eventIds: events.map((event) => event.sg_event_id),
        request: (at) => signer.sign(body, at),
      }
    },
    expected: () => {
      const all = new Map(effects)
      for (let outreach = 1; outreach <= OUTREACH; outreach++) {
        const rank = Math.max(statuses.get(outreach) ?? 0, outreachStatus.enumValues.indexOf('sent'))
        add(all, `outreach ${outreach} is ${outreachStatus.enumValues[rank]}`)
      }
      for (const [outreach, seconds] of deliveredAt) add(all, `outreach ${outreach} delivered at ${seconds}`)
      for (const [contact, rank] of optedOut) add(all, `contact ${contact} opted out: ${REASONS[rank]}`)
      return all
    },
    found: findEffects,
  }
}

const findEffects = async (db: pg.Pool): Promise<Effects> => {
  const effects: Effects = new Map()
  const read = async (sql: string) => {
    const { rows } = await db.query<{ fact: string; count: number }>(sql)
    for (const { fact, count } of rows) add(effects, fact, count)
  }
  await read(
    `select 'clicks of outreach ' || id as fact, link_clicks as count from outreach where link_clicks <> 0`,
  )
  await read(
    `select 'outreach ' || id || ' is ' || status as fact, 1 as count from outreach where id <= ${OUTREACH}`,
  )
  await read(
    `select 'outreach ' || id || ' delivered at ' || extract(epoch from delivered_at)::bigint as fact, 1 as count
     from outreach where delivered_at is not null`,
  )
  await read(
    `select 'bounces of contact ' || id as fact, bounce_count as count from contacts where bounce_count <> 0`,
  )
  await read(
    `select 'spam reports of contact ' || id as fact, spam_reports as count from contacts where spam_reports <> 0`,
  )
  await read(
    `select 'contact ' || id || ' opted out: ' || opted_out_reason as fact, 1 as count from contacts
     where opted_out and opted_out_reason <> 'replied'`,
  )
  await read(
    `select 'bounces of mailbox ' || id as fact, bounce_count_7d as count from mailboxes where bounce_count_7d <> 0`,
  )
  await read(
    `select 'spam reports of mailbox ' || id as fact, spam_reports_7d as count from mailboxes where spam_reports_7d <> 0`,
  )
  await read(
    `select 'incidents of mailbox ' || mailbox_id as fact, count(*)::int as count from mailbox_incidents group by 1`,
  )
  await read(
    `select 'alerts about outreach ' || substring(data -> 'data' ->> 'text' from 'outreach (\\d+)') as fact, count(*)::int as count
     from pgboss.job where name = 'notify-slack' and data -> 'data' ->> 'channel' = 'deliverability' group by 1`,
  )
  return effects
}
