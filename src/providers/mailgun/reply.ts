import { and, eq, sql } from 'drizzle-orm'
import { executePrepared } from '../../db/prepared.ts'
import { applications, companies, contacts, inboundMessages, jobs, outreach } from '../../db/schema.ts'
import { cancelSteps } from '../../domain/sequence-steps.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import type { Mail } from '../../mail/mail.ts'
import type { Match } from '../../mail/match/match.ts'

/**
 * A person answered: the sequence stops, the application moves on, the user is notified. The contact must be
 * locked, and the mail not yet kept.
 */
export const reply = async (claimed: ClaimedEvent, mail: Mail, match: Match, batch: Batch): Promise<void> => {
  const { tx } = batch
  const { outreachId, applicationId, matchedBy } = match
  await executePrepared(
    tx,
    'mail_mark_replied',
    tx
      .update(outreach)
      .set({
        status: sql`greatest(${outreach.status}, 'replied')`,
        repliedAt: sql`least(${outreach.repliedAt}, ${new Date(mail.timestamp * 1_000)})`,
      })
      .where(eq(outreach.id, BigInt(outreachId))),
  )
  await cancelSteps(batch, [outreachId], 'replied')
  if (applicationId !== null) {
    await executePrepared(
      tx,
      'mail_application_replied',
      tx
        .update(applications)
        .set({ status: 'interviewing', replyStatus: 'replied' })
        .where(and(eq(applications.id, BigInt(applicationId)), eq(applications.status, 'applied'))),
    )
    await notifyUser(claimed, match, batch)
  }
  batch.log('info', 'Reply detected', claimed, { outreachId, matchedBy, applicationId })
}

/** Of the first reply to an outreach. */
const notifyUser = async (
  claimed: ClaimedEvent,
  { outreachId, applicationId }: Match,
  { tx, notify }: Batch,
): Promise<void> => {
  const [row] = await executePrepared<{ user_id: string; first_name: string | null; company: string | null }>(
    tx,
    'mail_first_reply',
    sql`
      select ${applications.userId}, ${contacts.firstName}, ${companies.name} as company
      from ${outreach}
        join ${applications} on ${applications.id} = ${outreach.applicationId}
        left join ${contacts} on ${contacts.id} = ${outreach.contactId}
        left join ${jobs} on ${jobs.id} = ${applications.jobId}
        left join ${companies} on ${companies.id} = ${jobs.companyId}
      where ${outreach.id} = ${outreachId} and ${applications.userId} is not null
        and not exists (
          select from ${inboundMessages}
          where ${inboundMessages.outreachId} = ${outreach.id} and ${inboundMessages.kind} = 'reply'
        )`,
  )
  if (row === undefined) return
  const who = row.first_name?.trim() || 'Someone'
  const where = row.company?.trim() ? ` at ${row.company.trim()}` : ''
  notify({
    channel: 'push',
    key: `mailgun:reply:${outreachId}`,
    event: claimed.id,
    data: {
      userId: row.user_id,
      title: 'Reply received!',
      body: `${who}${where} replied`,
      url: `/applications/${applicationId}`,
      outreachId,
    },
  })
}
