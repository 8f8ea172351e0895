import { sql } from 'drizzle-orm'
import { optOut } from '../../domain/opt-out.ts'
import { raiseStatus } from '../../domain/outreach-status.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'

/** `spamreport`: the person called the mail spam. They are never mailed again, and people are told at once. */
export const spamreport = async (events: OutreachEvent[], batch: Batch): Promise<void> => {
  await raiseStatus(batch, 'spam', events)
  await batch.tx.execute(sql`
    update contacts c
    set spam_reports = c.spam_reports + v.reports
    from (
      select id, count(*) as reports
      from unnest(${sql.param(events.map(({ contactId }) => contactId))}::bigint[]) as u(id)
      group by id
    ) v
    where c.id = v.id`)
  await optOut(
    batch,
    events.flatMap(({ contactId }) => contactId ?? []),
    'spam',
  )

  const emails = await userEmails(batch, events)
  for (const { claimed, outreachId, contactId } of events) {
    batch.log('fatal', 'spam report', claimed, { outreachId, contactId })
    const user = emails.get(outreachId) ?? 'unknown'
    batch.notify({
      channel: 'slack',
      key: `sendgrid:spamreport:${claimed.id}`,
      event: claimed.id,
      data: { channel: 'deliverability', text: `🚨 Spam report for outreach ${outreachId}. User: ${user}` },
    })
  }
}

const userEmails = async ({ tx }: Batch, events: OutreachEvent[]): Promise<Map<string, string>> => {
  const { rows } = await tx.execute<{ id: string; email: string }>(sql`
    select o.id, u.email
    from outreach o join applications a on a.id = o.application_id join users u on u.id = a.user_id
    where o.id = any(${sql.param(events.map(({ outreachId }) => outreachId))}::bigint[])`)
  return new Map(rows.map((row) => [row.id, row.email]))
}
