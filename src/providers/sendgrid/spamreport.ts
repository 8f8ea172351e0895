import { eq, sql } from 'drizzle-orm'
import { applications, contacts, outreach, users } from '../../db/schema.ts'
import { optOut } from '../../domain/opt-out.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachChanges } from './outreach-changes.ts'
import { contactsOf, type SendgridEvent } from './sendgrid-event.ts'

/** `spamreport`: the person called the mail spam. They are never mailed again, and an alert goes out at once. */
export const spamreport = async (
  events: SendgridEvent[],
  batch: Batch,
  changes: OutreachChanges,
): Promise<void> => {
  changes.raise(events, 'spam')
  await countReports(contactsOf(events), batch)
  await optOut(batch, contactsOf(events), 'spam')
  const emails = await userEmails(batch, events)
  for (const event of events) alertAbout(event, emails, batch)
}

/** Requests the alert about a spam report, also about one that names neither an outreach nor a contact. */
export const alertAbout = (
  { claimed, outreachId, contactIds }: SendgridEvent,
  userEmails: Map<string, string>,
  batch: Batch,
): void => {
  batch.log('fatal', 'spam report', claimed, { outreachId, contactId: contactIds[0] ?? null })
  const text =
    outreachId === null
      ? `🚨 Spam report without outreach. Contact: ${contactIds.join(', ') || 'unknown'}`
      : `🚨 Spam report for outreach ${outreachId}. User: ${userEmails.get(outreachId) ?? 'unknown'}`
  batch.notify({
    channel: 'slack',
    key: `sendgrid:spamreport:${claimed.rowId}`,
    event: claimed.rowId,
    data: { channel: 'deliverability', text },
  })
}

const countReports = async (contactIds: string[], { tx }: Batch): Promise<void> => {
  if (contactIds.length === 0) return
  await tx
    .update(contacts)
    .set({ spamReports: sql`${contacts.spamReports} + v.reports` })
    .from(sql`(
      select id, count(*) as reports from unnest(${sql.param(contactIds)}::bigint[]) as u(id) group by id
    ) v`)
    .where(sql`${contacts.id} = v.id`)
}

const userEmails = async ({ tx }: Batch, events: SendgridEvent[]): Promise<Map<string, string>> => {
  const rows = await tx
    .select({ id: sql<string>`${outreach.id}`, email: users.email })
    .from(outreach)
    .innerJoin(applications, eq(applications.id, outreach.applicationId))
    .innerJoin(users, eq(users.id, applications.userId))
    .where(sql`${outreach.id} = any(${sql.param(events.map(({ outreachId }) => outreachId))}::bigint[])`)
  return new Map(rows.map((row) => [row.id, row.email]))
}
