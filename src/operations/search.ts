import type pg from 'pg'
import { type EventFilter, STORED_PROVIDERS } from './matching.ts'

/** What a search text stands for: the part of a filter it is, and in words what was found on the way. */
export interface SearchResult {
  filter: Pick<EventFilter, 'subjects' | 'eventId'>
  /** What an address belongs to, as a search shows it: `contact Ana Lopez`, `mailbox sam@rf-send-01.com`. */
  found: Found[]
}

/** A row that an address led to. */
export interface Found {
  kind: 'contact' | 'user' | 'mailbox'
  id: string
  label: string
}

/** Subjects looked up for one address at most; the newest outreach are taken. */
const MOST_SUBJECTS = 500

/**
 * Resolves what a person types into a search box: an outreach id (`outreach:123`, or `123`), a customer id (`cus_…`),
 * an e-mail address (a contact's, a user's, a mailbox's), any subject as it is stored, else an event id.
 */
export const resolveSearch = async (pool: pg.Pool, typed: string): Promise<SearchResult> => {
  const text = typed.trim()
  if (/^\d{1,19}$/.test(text)) return { filter: { subjects: [`outreach:${BigInt(text)}`] }, found: [] }
  if (/^(outreach|customer|mailbox):/.test(text)) return { filter: { subjects: [text] }, found: [] }
  if (text.startsWith('cus_')) return { filter: { subjects: [`customer:${text}`] }, found: [] }
  if (text.includes('@')) {
    const byAddress = await resolveAddress(pool, text)
    // Mailgun's and SendGrid's ids may hold an "@" too.
    if (byAddress.found.length > 0 || !(await isEventId(pool, text))) return byAddress
  }
  return { filter: { eventId: text }, found: [] }
}

const isEventId = async (pool: pg.Pool, text: string): Promise<boolean> => {
  const { rows } = await pool.query(
    `select from webhook_events where provider = any($2::text[]) and event_id = $1 limit 1`,
    [text, STORED_PROVIDERS],
  )
  return rows.length > 0
}

/** Addresses compare without case, each by an index on `lower(…)`. */
const BY_ADDRESS = `
with contact as (
  select id, coalesce(nullif(concat_ws(' ', first_name, last_name), ''), email) as label
  from contacts where lower(email) = lower($1) limit 20
), person as (
  select id, email as label, stripe_customer_id from users where lower(email) = lower($1) limit 20
), box as (
  select id, email from mailboxes where lower(email) = lower($1)
), about as (
  (select o.id from contact join outreach o on o.contact_id = contact.id order by o.id desc limit $2)
  union
  (select o.id from person join applications a on a.user_id = person.id join outreach o on o.application_id = a.id
   order by o.id desc limit $2)
  union
  (select o.id from box join outreach o on lower(o.from_mailbox) = lower(box.email)
   where o.sent_at is not null order by o.sent_at desc limit $2)
)
select kind, id::text, label, subject
from (
  select 'contact' as kind, id, label, null as subject from contact
  union all select 'user', id, label, 'customer:' || stripe_customer_id from person
  union all select 'mailbox', id, email, null from box
  union all select null, id, null, 'outreach:' || id from about
  union all select null, null, null, 'mailbox:' || lower($1)
) found`

const resolveAddress = async (pool: pg.Pool, address: string): Promise<SearchResult> => {
  const { rows } = await pool.query(BY_ADDRESS, [address, MOST_SUBJECTS])
  return {
    filter: { subjects: [...new Set(rows.flatMap(({ subject }) => (subject === null ? [] : [subject])))] },
    found: rows.flatMap(({ kind, id, label }) => (kind === null ? [] : [{ kind, id, label }])),
  }
}
