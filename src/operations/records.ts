import { sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import {
  applications,
  companies,
  contacts,
  inboundMessages,
  jobs,
  mailboxes,
  mailboxIncidents,
  outreach,
  sequenceSteps,
  subscriptions,
  users,
} from '../db/schema.ts'
import { fields, toStatement } from '../db/statement.ts'
import type { EventSummary } from './events.ts'
import { HEALTH_COLUMNS, type MailboxHealth } from './mailboxes.ts'

// The rows of RoleFerry that events are about, as an operator looks at them.

const ID = /^\d{1,18}$/
/** Outreach shown beside a contact or a user: the newest. */
const MAX_OUTREACH = 20

/** An outreach as lists show it. */
export interface OutreachSummary {
  id: string
  status: string
  fromMailbox: string | null
  sentAt: Date | null
}

export interface OutreachRecord extends OutreachSummary {
  messageId: string | null
  deliveredAt: Date | null
  clickedAt: Date | null
  repliedAt: Date | null
  linkClicks: number
  contactId: string | null
  contactName: string | null
  contactEmail: string | null
  optedOut: boolean | null
  userId: string | null
  userEmail: string | null
  applicationStatus: string | null
  jobTitle: string | null
  company: string | null
  mailboxId: string | null
  steps: {
    position: number | null
    scheduledAt: Date | null
    status: string
    cancelledReason: string | null
  }[]
}

const OUTREACH_SUMMARY = {
  id: outreach.id,
  status: outreach.status,
  fromMailbox: outreach.fromMailbox,
  sentAt: outreach.sentAt,
}

const NAME_OF_CONTACT = sql`nullif(concat_ws(' ', ${contacts.firstName}, ${contacts.lastName}), '')`

const companyOfContact = alias(companies, 'company_of_contact')

const OUTREACH = fields({
  ...OUTREACH_SUMMARY,
  messageId: outreach.messageId,
  deliveredAt: outreach.deliveredAt,
  clickedAt: outreach.clickedAt,
  repliedAt: outreach.repliedAt,
  linkClicks: outreach.linkClicks,
  contactId: contacts.id,
  contactName: NAME_OF_CONTACT,
  contactEmail: contacts.email,
  optedOut: contacts.optedOut,
  userId: users.id,
  userEmail: users.email,
  applicationStatus: applications.status,
  jobTitle: jobs.title,
  company: sql`coalesce(${companies.name}, ${companyOfContact.name})`,
  mailboxId: mailboxes.id,
})

const STEP = fields({
  position: sequenceSteps.position,
  scheduledAt: sequenceSteps.scheduledAt,
  status: sequenceSteps.status,
  cancelledReason: sequenceSteps.cancelledReason,
})

/** @returns undefined when there is no such row; so do the others. */
export const outreachById = async (pool: pg.Pool, id: string): Promise<OutreachRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(
    toStatement(sql`
      select ${OUTREACH}
      from ${outreach}
      left join ${contacts} on ${contacts.id} = ${outreach.contactId}
      left join ${companies} ${companyOfContact} on ${companyOfContact.id} = ${contacts.companyId}
      left join ${applications} on ${applications.id} = ${outreach.applicationId}
      left join ${users} on ${users.id} = ${applications.userId}
      left join ${jobs} on ${jobs.id} = ${applications.jobId}
      left join ${companies} on ${companies.id} = ${jobs.companyId}
      left join ${mailboxes} on lower(${mailboxes.email}) = lower(${outreach.fromMailbox})
      where ${outreach.id} = ${id}`),
  )
  const [row] = rows
  if (row === undefined) return undefined
  const steps = await pool.query(
    toStatement(sql`
      select ${STEP} from ${sequenceSteps} where ${sequenceSteps.outreachId} = ${id}
      order by ${sequenceSteps.position}, ${sequenceSteps.id} limit 50`),
  )
  return { ...row, steps: steps.rows }
}

export interface ContactRecord {
  id: string
  email: string
  name: string | null
  company: string | null
  bounceCount: number
  spamReports: number
  optedOut: boolean
  optedOutAt: Date | null
  optedOutReason: string | null
  lastContactedAt: Date | null
  /** The newest. */
  outreach: OutreachSummary[]
}

const CONTACT = fields({
  id: contacts.id,
  email: contacts.email,
  name: NAME_OF_CONTACT,
  company: companies.name,
  bounceCount: contacts.bounceCount,
  spamReports: contacts.spamReports,
  optedOut: contacts.optedOut,
  optedOutAt: contacts.optedOutAt,
  optedOutReason: contacts.optedOutReason,
  lastContactedAt: contacts.lastContactedAt,
})

export const contactById = async (pool: pg.Pool, id: string): Promise<ContactRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(
    toStatement(sql`
      select ${CONTACT} from ${contacts} left join ${companies} on ${companies.id} = ${contacts.companyId}
      where ${contacts.id} = ${id}`),
  )
  const [row] = rows
  if (row === undefined) return undefined
  const written = await pool.query(
    toStatement(sql`
      select ${fields(OUTREACH_SUMMARY)} from ${outreach}
      where ${outreach.contactId} = ${id} order by ${outreach.id} desc limit ${MAX_OUTREACH}`),
  )
  return { ...row, outreach: written.rows }
}

export interface UserRecord {
  id: string
  email: string
  customerId: string | null
  tier: string
  subscriptionStatus: string | null
  credits: number
  currentPeriodEnd: Date | null
  cancelAtPeriodEnd: boolean
  subscriptions: {
    id: string
    status: string | null
    priceId: string | null
    currentPeriodEnd: Date | null
  }[]
  /** The newest of their applications. */
  outreach: OutreachSummary[]
}

const USER = fields({
  id: users.id,
  email: users.email,
  customerId: users.stripeCustomerId,
  tier: users.subscriptionTier,
  subscriptionStatus: users.subscriptionStatus,
  credits: users.creditsRemaining,
  currentPeriodEnd: users.currentPeriodEnd,
  cancelAtPeriodEnd: users.cancelAtPeriodEnd,
})

const SUBSCRIPTION = fields({
  id: subscriptions.id,
  status: subscriptions.status,
  priceId: subscriptions.priceId,
  currentPeriodEnd: subscriptions.currentPeriodEnd,
})

export const userById = async (pool: pg.Pool, id: string): Promise<UserRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(toStatement(sql`select ${USER} from ${users} where ${users.id} = ${id}`))
  const [row] = rows
  if (row === undefined) return undefined
  const [subscribed, written] = await Promise.all([
    pool.query(
      toStatement(sql`
        select ${SUBSCRIPTION} from ${subscriptions} where ${subscriptions.userId} = ${id}
        order by ${subscriptions.currentPeriodEnd} desc nulls last, ${subscriptions.id} limit 20`),
    ),
    pool.query(
      toStatement(sql`
        select ${fields(OUTREACH_SUMMARY)}
        from ${applications} join ${outreach} on ${outreach.applicationId} = ${applications.id}
        where ${applications.userId} = ${id} order by ${outreach.id} desc limit ${MAX_OUTREACH}`),
    ),
  ])
  return { ...row, subscriptions: subscribed.rows, outreach: written.rows }
}

export interface MailboxRecord extends MailboxHealth {
  /** The newest of the last seven days. */
  incidents: { kind: string; arrivedAt: Date }[]
}

export const mailboxById = async (pool: pg.Pool, id: string): Promise<MailboxRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query<MailboxHealth>(
    toStatement(sql`select ${HEALTH_COLUMNS} from ${mailboxes} where ${mailboxes.id} = ${id}`),
  )
  const [row] = rows
  if (row === undefined) return undefined
  const { kind, arrivedAt, mailboxId } = mailboxIncidents
  const incidents = await pool.query<{ kind: string; arrivedAt: Date }>(
    toStatement(sql`
      select ${fields({ kind, arrivedAt })} from ${mailboxIncidents}
      where ${mailboxId} = ${id} and ${arrivedAt} > now() - interval '7 days' order by ${arrivedAt} desc limit 50`),
  )
  return { ...row, incidents: incidents.rows }
}

/** A row of RoleFerry's that an event is about. */
export interface Touched {
  kind: 'outreach' | 'contact' | 'user' | 'mailbox'
  id: string
  label: string
}

/** An inbound mail's row is found by its arrival: it has its event's, to the millisecond. */
const touched = (
  about: { outreachId: string | null; customer: string | null; mailbox: string | null },
  receivedAt: Date,
) =>
  toStatement(sql`
with about as (
  select ${about.outreachId}::bigint as outreach, null::text as customer, null::text as mailbox
  union all select null, ${about.customer}, ${about.mailbox}
  union all
  select ${inboundMessages.outreachId}, null, null from ${inboundMessages}
  where ${about.mailbox}::text is not null and ${inboundMessages.receivedAt} = ${receivedAt}
    and lower(${inboundMessages.recipient}) = ${about.mailbox} and ${inboundMessages.outreachId} is not null
), sent as (
  select ${outreach.id}, ${outreach.contactId} as contact, ${outreach.applicationId} as application,
         ${outreach.fromMailbox} as mailbox
  from about join ${outreach} on ${outreach.id} = about.outreach
)
select 'outreach' as kind, id::text, 'Outreach ' || id as label from sent
union select 'contact', ${contacts.id}::text, coalesce(${NAME_OF_CONTACT}, ${contacts.email})
      from sent join ${contacts} on ${contacts.id} = sent.contact
union select 'user', ${users.id}::text, ${users.email} from sent
      join ${applications} on ${applications.id} = sent.application
      join ${users} on ${users.id} = ${applications.userId}
union select 'user', ${users.id}::text, ${users.email}
      from about join ${users} on ${users.stripeCustomerId} = about.customer
union select 'mailbox', ${mailboxes.id}::text, ${mailboxes.email}
      from sent join ${mailboxes} on lower(${mailboxes.email}) = lower(sent.mailbox)
union select 'mailbox', ${mailboxes.id}::text, ${mailboxes.email}
      from about join ${mailboxes} on lower(${mailboxes.email}) = about.mailbox
order by 1, 3`)

/** The rows an event is about, by its subject: links for its page. */
export const touchedBy = async (
  pool: pg.Pool,
  { subject, receivedAt }: Pick<EventSummary, 'subject' | 'receivedAt'>,
): Promise<Touched[]> => {
  const [, kind, name = ''] = /^(outreach|customer|mailbox):(.+)$/s.exec(subject ?? '') ?? []
  if (kind === undefined) return []
  const about = {
    outreachId: kind === 'outreach' && ID.test(name) ? name : null,
    customer: kind === 'customer' ? name : null,
    mailbox: kind === 'mailbox' ? name.toLowerCase() : null,
  }
  const { rows } = await pool.query<Touched>(touched(about, receivedAt))
  return rows
}
