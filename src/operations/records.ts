import type pg from 'pg'
import type { EventSummary } from './events.ts'
import { HEALTH_COLUMNS, type MailboxHealth } from './mailboxes.ts'

// The rows of RoleFerry that events are about, as an operator looks at them.

const ID = /^\d{1,18}$/
/** Outreach shown beside a contact or a user: the newest. */
const MOST_OUTREACH = 20

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

/** @returns undefined when there is no such row; so do the others. */
export const outreachById = async (pool: pg.Pool, id: string): Promise<OutreachRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(
    `select o.id, o.status, o.from_mailbox as "fromMailbox", o.sent_at as "sentAt", o.message_id as "messageId",
            o.delivered_at as "deliveredAt", o.clicked_at as "clickedAt", o.replied_at as "repliedAt",
            o.link_clicks as "linkClicks", c.id as "contactId", ${NAME_OF_CONTACT} as "contactName",
            c.email as "contactEmail", c.opted_out as "optedOut", u.id as "userId", u.email as "userEmail",
            a.status as "applicationStatus", j.title as "jobTitle", coalesce(y.name, of_contact.name) as company,
            m.id as "mailboxId"
     from outreach o
     left join contacts c on c.id = o.contact_id
     left join companies of_contact on of_contact.id = c.company_id
     left join applications a on a.id = o.application_id
     left join users u on u.id = a.user_id
     left join jobs j on j.id = a.job_id
     left join companies y on y.id = j.company_id
     left join mailboxes m on lower(m.email) = lower(o.from_mailbox)
     where o.id = $1`,
    [id],
  )
  const [row] = rows
  if (row === undefined) return undefined
  const steps = await pool.query(
    `select position, scheduled_at as "scheduledAt", status, cancelled_reason as "cancelledReason"
     from sequence_steps where outreach_id = $1 order by position, id limit 50`,
    [id],
  )
  return { ...row, steps: steps.rows }
}

const NAME_OF_CONTACT = `nullif(concat_ws(' ', c.first_name, c.last_name), '')`

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

export const contactById = async (pool: pg.Pool, id: string): Promise<ContactRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(
    `select c.id, c.email, ${NAME_OF_CONTACT} as name, y.name as company, c.bounce_count as "bounceCount",
            c.spam_reports as "spamReports", c.opted_out as "optedOut", c.opted_out_at as "optedOutAt",
            c.opted_out_reason as "optedOutReason", c.last_contacted_at as "lastContactedAt"
     from contacts c left join companies y on y.id = c.company_id where c.id = $1`,
    [id],
  )
  const [row] = rows
  if (row === undefined) return undefined
  const outreach = await pool.query(
    `select id, status, from_mailbox as "fromMailbox", sent_at as "sentAt" from outreach
     where contact_id = $1 order by id desc limit $2`,
    [id, MOST_OUTREACH],
  )
  return { ...row, outreach: outreach.rows }
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

export const userById = async (pool: pg.Pool, id: string): Promise<UserRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(
    `select id, email, stripe_customer_id as "customerId", subscription_tier as tier,
            subscription_status as "subscriptionStatus", credits_remaining as credits,
            current_period_end as "currentPeriodEnd", cancel_at_period_end as "cancelAtPeriodEnd"
     from users where id = $1`,
    [id],
  )
  const [row] = rows
  if (row === undefined) return undefined
  const [subscriptions, outreach] = await Promise.all([
    pool.query(
      `select id, status, price_id as "priceId", current_period_end as "currentPeriodEnd"
       from subscriptions where user_id = $1 order by current_period_end desc nulls last, id limit 20`,
      [id],
    ),
    pool.query(
      `select o.id, o.status, o.from_mailbox as "fromMailbox", o.sent_at as "sentAt"
       from applications a join outreach o on o.application_id = a.id
       where a.user_id = $1 order by o.id desc limit $2`,
      [id, MOST_OUTREACH],
    ),
  ])
  return { ...row, subscriptions: subscriptions.rows, outreach: outreach.rows }
}

export interface MailboxRecord extends MailboxHealth {
  /** The newest of the last seven days. */
  incidents: { kind: string; arrivedAt: Date }[]
}

export const mailboxById = async (pool: pg.Pool, id: string): Promise<MailboxRecord | undefined> => {
  if (!ID.test(id)) return undefined
  const { rows } = await pool.query(`select ${HEALTH_COLUMNS} from mailboxes where id = $1`, [id])
  const [row] = rows
  if (row === undefined) return undefined
  const incidents = await pool.query(
    `select kind, arrived_at as "arrivedAt" from mailbox_incidents
     where mailbox_id = $1 and arrived_at > now() - interval '7 days' order by arrived_at desc limit 50`,
    [id],
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
const TOUCHED = `
with about as (
  select $1::bigint as outreach, null::text as customer, null::text as mailbox
  union all select null, $2, $3
  union all
  select outreach_id, null, null from inbound_messages
  where $3 is not null and received_at = $4 and lower(recipient) = $3 and outreach_id is not null
), sent as (
  select o.* from about join outreach o on o.id = about.outreach
)
select 'outreach' as kind, id::text, 'Outreach ' || id as label from sent
union select 'contact', c.id::text, coalesce(${NAME_OF_CONTACT}, c.email) from sent join contacts c on c.id = sent.contact_id
union select 'user', u.id::text, u.email from sent join applications a on a.id = sent.application_id
  join users u on u.id = a.user_id
union select 'user', u.id::text, u.email from about join users u on u.stripe_customer_id = about.customer
union select 'mailbox', m.id::text, m.email from sent join mailboxes m on lower(m.email) = lower(sent.from_mailbox)
union select 'mailbox', m.id::text, m.email from about join mailboxes m on lower(m.email) = about.mailbox
order by 1, 3`

/** The rows an event is about, by its subject: links for its page. */
export const touchedBy = async (
  pool: pg.Pool,
  { subject, receivedAt }: Pick<EventSummary, 'subject' | 'receivedAt'>,
): Promise<Touched[]> => {
  const [, kind, name = ''] = /^(outreach|customer|mailbox):(.+)$/s.exec(subject ?? '') ?? []
  if (kind === undefined) return []
  const outreach = kind === 'outreach' && ID.test(name) ? name : null
  const { rows } = await pool.query(TOUCHED, [
    outreach,
    kind === 'customer' ? name : null,
    kind === 'mailbox' ? name.toLowerCase() : null,
    receivedAt,
  ])
  return rows
}
