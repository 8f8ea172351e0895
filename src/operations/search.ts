import { and, eq, inArray, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { applications, contacts, mailboxes, outreach, users, webhookEvents } from '../db/schema.ts'
import { toStatement } from '../db/statement.ts'
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
const MAX_SUBJECTS = 500

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
    const resolved = await resolveAddress(pool, text)
    // Mailgun's and SendGrid's ids may hold an "@" too.
    if (resolved.found.length > 0 || !(await isEventId(pool, text))) return resolved
  }
  return { filter: { eventId: text }, found: [] }
}

const isEventId = async (pool: pg.Pool, text: string): Promise<boolean> => {
  const rows = await queryBuilder(pool)
    .select({ id: webhookEvents.id })
    .from(webhookEvents)
    .where(and(inArray(webhookEvents.provider, STORED_PROVIDERS), eq(webhookEvents.eventId, text)))
    .limit(1)
  return rows.length > 0
}

/** Addresses compare without case, each by an index on `lower(…)`. */
const byAddress = (address: string) =>
  toStatement(sql`
with contact as (
  select ${contacts.id}, coalesce(nullif(concat_ws(' ', ${contacts.firstName}, ${contacts.lastName}), ''), ${contacts.email}) as label
  from ${contacts} where lower(${contacts.email}) = lower(${address}) limit 20
), person as (
  select ${users.id}, ${users.email} as label, ${users.stripeCustomerId} as customer
  from ${users} where lower(${users.email}) = lower(${address}) limit 20
), box as (
  select ${mailboxes.id}, ${mailboxes.email} as label from ${mailboxes} where lower(${mailboxes.email}) = lower(${address})
), about as (
  (select ${outreach.id} from contact join ${outreach} on ${outreach.contactId} = contact.id
   order by ${outreach.id} desc limit ${MAX_SUBJECTS})
  union
  (select ${outreach.id} from person join ${applications} on ${applications.userId} = person.id
   join ${outreach} on ${outreach.applicationId} = ${applications.id}
   order by ${outreach.id} desc limit ${MAX_SUBJECTS})
  union
  (select ${outreach.id} from box join ${outreach} on lower(${outreach.fromMailbox}) = lower(box.label)
   where ${outreach.sentAt} is not null order by ${outreach.sentAt} desc limit ${MAX_SUBJECTS})
)
select kind, id::text, label, subject
from (
  select 'contact' as kind, id, label, null as subject from contact
  union all select 'user', id, label, 'customer:' || customer from person
  union all select 'mailbox', id, label, null from box
  union all select null, id, null, 'outreach:' || id from about
  union all select null, null, null, 'mailbox:' || lower(${address})
) found`)

const resolveAddress = async (pool: pg.Pool, address: string): Promise<SearchResult> => {
  const { rows } = await pool.query(byAddress(address))
  return {
    filter: { subjects: [...new Set(rows.flatMap(({ subject }) => (subject === null ? [] : [subject])))] },
    found: rows.flatMap(({ kind, id, label }) => (kind === null ? [] : [{ kind, id, label }])),
  }
}
