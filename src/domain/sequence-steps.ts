import { type SQL, sql } from 'drizzle-orm'
import { contacts, outreach, sequenceSteps } from '../db/schema.ts'
import type { Batch } from '../inbox/provider.ts'

/** Of several reasons the strongest stands. No reason, or another service's reason, has strength 0. */
export const strength = (reason: SQL): SQL =>
  sql`coalesce(array_position(array['replied', 'bounces', 'unsubscribed', 'spam'], ${reason}), 0)`

/** Whether a step `s` is to be cancelled for a reason: it is scheduled, or was cancelled for a weaker one. */
export const isCancelledFor = (reason: SQL): SQL => sql`(
  s.status = 'scheduled'
  or (s.status = 'cancelled' and ${strength(sql`s.cancelled_reason`)} between 1 and ${strength(reason)} - 1)
)`

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
