import { type SQL, sql } from 'drizzle-orm'
import { mailboxes, mailboxIncidents, outreach } from '../db/schema.ts'
import type { MailboxWeek } from './mailbox-guard.ts'
import { windowStart } from './mailbox-incidents.ts'

/**
 * A mailbox's last seven days, as columns of a query on `mailboxes`: `sent`, `bounces`, `spamReports`. Counted afresh,
 * since the columns of `mailboxes` lag by up to an hour.
 */
export const weekColumns = (now: Date): SQL => sql`
  (select count(*)::int from ${outreach}
   where lower(${outreach.fromMailbox}) = lower(${mailboxes.email})
     and ${outreach.sentAt} > ${windowStart(now)} and ${outreach.sentAt} <= ${now}) as sent,
  ${countOf('bounce', now)} as bounces, ${countOf('spam', now)} as "spamReports"`

const countOf = (kind: 'bounce' | 'spam', now: Date): SQL => sql`
  (select count(*)::int from ${mailboxIncidents}
   where ${mailboxIncidents.mailboxId} = ${mailboxes.id} and ${mailboxIncidents.kind} = ${kind}
     and ${mailboxIncidents.arrivedAt} > ${windowStart(now)})`

/** A row of such a query. */
export interface WeekRow extends MailboxWeek, Record<string, unknown> {}
