import { outreachStatus } from '../../src/db/schema.ts'
import { add, findEffects } from '../effects.ts'
import type { Ledger } from './traffic.ts'

/**
 * Few rows, which share contacts, mailboxes and applications, so that batches and replicas often meet at the same row.
 */
export const OUTREACH = 2_000
/** One more, to nobody, which no ordinary event is about. */
export const LONE_OUTREACH = OUTREACH + 1
const CONTACTS = 500
const MAILBOXES = 20
const APPLICATIONS = 200
export const USERS = 50

export const contactOf = (outreach: number) => 1 + (outreach % CONTACTS)
export const mailboxOf = (outreach: number) => 1 + (outreach % MAILBOXES)
export const applicationOf = (outreach: number) => 1 + (outreach % APPLICATIONS)
export const contactEmail = (outreach: number) => `contact${contactOf(outreach)}@example.com`
export const mailboxEmail = (outreach: number) => `box${mailboxOf(outreach)}@rf-send.com`
/** The latest outreach to the contact of this one; all of them are sent from the same mailbox. */
export const latestToContact = (outreach: number) =>
  outreach + CONTACTS * Math.floor((OUTREACH - outreach) / CONTACTS)
const hasStep = (outreach: number) => outreach % 4 === 0

type Status = (typeof outreachStatus.enumValues)[number]
/** Weakest first; the strongest stands. */
const REASONS = ['replied', 'bounces', 'unsubscribed', 'spam'] as const
type Reason = (typeof REASONS)[number]

/** The outreach that SendGrid's events and the mails that come back are about, and what both must make of it. */
export interface OutreachLedger extends Ledger {
  raise: (outreach: number, status: Status) => void
  optOut: (outreach: number, reason: Exclude<Reason, 'replied'>) => void
}

/** Deliberately written again, in another way than in the service. */
export const createOutreach = (): OutreachLedger => {
  const ranks = new Map<number, number>()
  const optedOut = new Map<number, number>()
  const rankOf = (status: Status) => outreachStatus.enumValues.indexOf(status)
  /** What cancelled the step of an outreach, if anything did; a reply may come before or after a spam report. */
  const replied = new Set<number>()
  const cancelledFor = (outreach: number): Reason | undefined => {
    const reason = optedOut.get(contactOf(outreach)) ?? (replied.has(outreach) ? 0 : undefined)
    return reason === undefined ? undefined : REASONS[reason]
  }
  return {
    raise: (outreach, status) => {
      ranks.set(outreach, Math.max(rankOf(status), ranks.get(outreach) ?? rankOf('sent')))
      if (status === 'replied') replied.add(outreach)
    },
    optOut: (outreach, reason) => {
      const contact = contactOf(outreach)
      optedOut.set(contact, Math.max(REASONS.indexOf(reason), optedOut.get(contact) ?? 0))
    },
    seed: async (db) => {
      await db.query(
        `insert into users (id, email) select n, 'user' || n || '@example.com' from generate_series(1, ${USERS}) n`,
      )
      await db.query(
        `insert into applications (id, user_id) select n, 1 + n % ${USERS} from generate_series(1, ${APPLICATIONS}) n`,
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
         select n, 1 + n % ${APPLICATIONS}, case when n <= ${OUTREACH} then 1 + n % ${CONTACTS} end, 'box' || (1 + n % ${MAILBOXES}) || '@rf-send.com', 'sent', now()
         from generate_series(1, ${LONE_OUTREACH}) n`,
      )
      await db.query(
        'insert into sequence_steps (outreach_id, position) select id, 1 from outreach where id % 4 = 0',
      )
    },
    expected: () => {
      const effects = new Map<string, number>()
      for (let outreach = 1; outreach <= OUTREACH; outreach++) {
        const rank = ranks.get(outreach)
        if (rank !== undefined) add(effects, `outreach ${outreach} is ${outreachStatus.enumValues[rank]}`)
        const reason = hasStep(outreach) ? cancelledFor(outreach) : undefined
        if (reason !== undefined) add(effects, `step of outreach ${outreach} cancelled: ${reason}`)
      }
      for (const [contact, rank] of optedOut) add(effects, `contact ${contact} opted out: ${REASONS[rank]}`)
      return effects
    },
    found: (db) =>
      findEffects(
        db,
        `select 'outreach ' || id || ' is ' || status as fact, 1 as count from outreach where status <> 'sent'`,
        `select 'step of outreach ' || outreach_id || ' cancelled: ' || cancelled_reason as fact, 1 as count
         from sequence_steps where status = 'cancelled'`,
        `select 'contact ' || id || ' opted out: ' || opted_out_reason as fact, 1 as count from contacts where opted_out`,
      ),
  }
}
