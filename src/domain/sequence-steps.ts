import { type SQL, sql } from 'drizzle-orm'
import { contacts, outreach, sequenceSteps } from '../db/schema.ts'
import { column } from '../db/statement.ts'
import type { Batch } from '../inbox/provider.ts'

/** Of several reasons the strongest stands. No reason, or another service's reason, has strength 0. */
export const strength = (reason: SQL): SQL =>
  sql`coalesce(array_position(array['replied', 'bounces', 'unsubscribed', 'spam'], ${reason}), 0)`

const { status, cancelledReason } = sequenceSteps

/** Whether a step is to be cancelled for a reason: it is scheduled, or was cancelled for a weaker one. */
export const isCancelledFor = (reason: SQL): SQL => sql`(
  ${status} = 'scheduled'
  or (${status} = 'cancelled' and ${strength(sql`${cancelledReason}`)} between 1 and ${strength(reason)} - 1)
)`

/** What cancelling sets in a step. */
export const cancelled = (reason: SQL): SQL =>
  sql`${column(status)} = 'cancelled', ${column(cancelledReason)} = ${reason}`

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
    update ${sequenceSteps} set ${cancelled(sql`${contacts.optedOutReason}`)}
    from ${outreach} join ${contacts} on ${contacts.id} = ${outreach.contactId}
    where ${sequenceSteps.outreachId} = ${outreach.id} and ${outreach.id} = any(${sql.param(outreachIds)}::bigint[])
      and ${contacts.optedOut} and ${isCancelledFor(sql`${contacts.optedOutReason}`)}`)
}
