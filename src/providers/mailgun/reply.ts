import { sql } from 'drizzle-orm'
import { executePrepared } from '../../db/prepared.ts'
import {
  applications,
  companies,
  contacts,
  inboundMessages,
  jobs,
  outreach,
  sequenceSteps,
} from '../../db/schema.ts'
import { column } from '../../db/statement.ts'
import { cancelled, isCancelledFor, strength } from '../../domain/sequence-steps.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import type { Mail } from '../../mail/mail.ts'
import type { Match } from '../../mail/match/match.ts'

interface Notified extends Record<string, unknown> {
  user_id: string
  first_name: string | null
  company: string | null
}

/**
 * A person answered: the sequence stops, the application moves on, the user is notified. The contact must be
 * locked, and the mail not yet kept.
 */
export const reply = async (claimed: ClaimedEvent, mail: Mail, match: Match, batch: Batch): Promise<void> => {
  const { outreachId, applicationId, matchedBy } = match
  const notified = await markReplied(mail, outreachId, batch)
  if (notified !== undefined) notifyUser(claimed, match, notified, batch)
  batch.log('info', 'Reply detected', claimed, { outreachId, matchedBy, applicationId })
}

/**
 * Applies all of it in one statement. Each part takes its row from the one before, so the locks are taken in the order
 * that holds everywhere. A step is cancelled with the reason for which the contact was opted out where that is
 * stronger: it may have become known only after that.
 *
 * @returns whom to notify, the user of the application; only for the first reply to this outreach.
 */
const markReplied = async (mail: Mail, outreachId: string, { tx }: Batch): Promise<Notified | undefined> => {
  const repliedAt = new Date(mail.timestamp * 1_000)
  const { optedOut, optedOutReason } = contacts
  const [notified] = await executePrepared<Notified>(
    tx,
    'mail_replied',
    sql`
      with replied as (
        update ${outreach}
        set ${column(outreach.status)} = greatest(${outreach.status}, 'replied'),
            ${column(outreach.repliedAt)} = least(${outreach.repliedAt}, ${repliedAt})
        where ${outreach.id} = ${outreachId}
        returning ${outreach.id}, ${outreach.contactId}, ${outreach.applicationId}
      ), cancelled as (
        update ${sequenceSteps} set ${cancelled(sql`why.reason`)}
        from (
          select replied.id, case
            when ${optedOut} and ${strength(sql`${optedOutReason}`)} > ${strength(sql`'replied'`)}
            then ${optedOutReason} else 'replied' end as reason
          from replied left join ${contacts} on ${contacts.id} = replied.contact_id
        ) why
        where ${sequenceSteps.outreachId} = why.id and ${isCancelledFor(sql`why.reason`)}
      ), moved_on as (
        update ${applications}
        set ${column(applications.status)} = 'interviewing', ${column(applications.replyStatus)} = 'replied'
        from replied
        where ${applications.id} = replied.application_id and ${applications.status} = 'applied'
      )
      select ${applications.userId}, ${contacts.firstName}, ${companies.name} as company
      from replied
        join ${applications} on ${applications.id} = replied.application_id
        left join ${contacts} on ${contacts.id} = replied.contact_id
        left join ${jobs} on ${jobs.id} = ${applications.jobId}
        left join ${companies} on ${companies.id} = ${jobs.companyId}
      where ${applications.userId} is not null
        and not coalesce((
          select true from ${inboundMessages}
          where ${inboundMessages.outreachId} = replied.id and ${inboundMessages.kind} = 'reply' limit 1
        ), false)`,
  )
  return notified
}

const notifyUser = (
  claimed: ClaimedEvent,
  { outreachId, applicationId }: Match,
  { user_id: userId, first_name, company }: Notified,
  { notify }: Batch,
): void => {
  const who = first_name?.trim() || 'Someone'
  const where = company?.trim() ? ` at ${company.trim()}` : ''
  notify({
    channel: 'push',
    key: `mailgun:reply:${outreachId}`,
    event: claimed.rowId,
    data: {
      userId,
      title: 'Reply received!',
      body: `${who}${where} replied`,
      url: `/applications/${applicationId}`,
      outreachId,
    },
  })
}
