import { type SQL, sql } from 'drizzle-orm'
import { contacts, outreach, sequenceSteps } from '../db/schema.ts'
import type { Batch } from '../inbox/provider.ts'

/** Of several reasons the strongest stands; none, and other services' reasons, have strength 0. */
export const strength = (reason: SQL): SQL =>
  sql`coalesce(array_position(array['replied', 'bounces', 'unsubscribed', 'spam'], ${reason}), 0)`

/** Whether a step `s` is to be cancelled for a reason: it is scheduled, or was cancelled for a weaker one. */
export const isCancelledFor = (reason: SQL): SQL => sql`(
  s.status = 'scheduled'
  or (s.status = 'cancelled' and ${strength(sql`s.cancelled_reason`)} between 1 and ${strength(reason)} - 1)
)`

/**
 * Cancels the scheduled sequence steps of outreach, with the reason for which its contact was opted out where that is
 * stronger: the steps may have become known only after that. The outreach and their contacts must be locked.
 */
export const cancelSteps = async ({ tx }: Batch, outreachIds: string[], reason: 'replied'): Promise<void> => {
  await tx.execute(sql`
    update sequence_steps s
    set status = 'cancelled', cancelled_reason = o.reason
    from (
      select o.id, case when c.opted_out and ${strength(sql`c.opted_out_reason`)} > ${strength(sql`${reason}::text`)}
                        then c.opted_out_reason else ${reason} end as reason
      from outreach o left join contacts c on c.id = o.contact_id
      where o.id = any(${sql.param(outreachIds)}::bigint[])
    ) o
    where s.outreach_id = o.id and ${isCancelledFor(sql`o.reason`)}`)
}

/**
 * Cancels steps of outreach whose contact is opted out: those that were not there yet when the contact was. The
 * contacts must be locked.
 */
export const cancelStepsOfOptedOut = async (
  { tx }: Pick<Batch, 'tx'>,
  outreachIds: string[],
): Promise<void> => {
  if (outreachIds.length === 0) return
  await tx.execute(sql`
    update ${sequenceSteps} s
    set status = 'cancelled', cancelled_reason = ${contacts.optedOutReason}
    from ${outreach} join ${contacts} on ${contacts.id} = ${outreach.contactId}
    where s.outreach_id = ${outreach.id} and ${outreach.id} = any(${sql.param(outreachIds)}::bigint[])
      and ${contacts.optedOut} and ${isCancelledFor(sql`${contacts.optedOutReason}`)}`)
}
