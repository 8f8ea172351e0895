import { sql } from 'drizzle-orm'
import { optOut } from '../../domain/opt-out.ts'
import { cancelSteps } from '../../domain/sequence-steps.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import type { Mail } from '../../mail/mail.ts'
import { isStopRequest } from '../../mail/stop-request.ts'
import type { Match } from './match.ts'

/** A person answered: the sequence stops, the application moves on, the user is told. The rows must be locked. */
export const reply = async (claimed: ClaimedEvent, mail: Mail, match: Match, batch: Batch): Promise<void> => {
  const { tx } = batch
  const { outreachId, contactId, applicationId, matchedBy } = match
  const at = new Date(mail.timestamp * 1_000)
  const { rows } = await tx.execute<{ first: boolean }>(sql`
    update outreach
    set status = greatest(status, 'replied'), replied_at = least(replied_at, ${at})
    where id = ${outreachId}
    returning old.replied_at is null as first`)
  await cancelSteps(batch, [outreachId], 'replied')
  await tx.execute(sql`
    update applications set status = 'interviewing', reply_status = 'replied'
    where id = ${applicationId} and status = 'applied'`)
  if (contactId !== null && isStopRequest(mail)) await optOut(batch, [contactId], 'unsubscribed')
  // A later reply finds the time of an earlier one. The key alone would do only for as long as jobs are kept.
  if (rows[0]?.first) await tellUser(claimed, match, batch)
  batch.log('info', 'Reply detected', claimed, { outreachId, matchedBy, applicationId })
}

const tellUser = async (
  claimed: ClaimedEvent,
  { outreachId, applicationId }: Match,
  { tx, notify }: Batch,
): Promise<void> => {
  const { rows } = await tx.execute<{
    user_id: string
    first_name: string | null
    company: string | null
  }>(sql`
    select a.user_id, c.first_name, co.name as company
    from outreach o
      join applications a on a.id = o.application_id
      left join contacts c on c.id = o.contact_id
      left join jobs j on j.id = a.job_id
      left join companies co on co.id = j.company_id
    where o.id = ${outreachId} and a.user_id is not null`)
  const [row] = rows
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
