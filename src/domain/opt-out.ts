import { sql } from 'drizzle-orm'
import { executePrepared } from '../db/prepared.ts'
import { contacts, outreach, sequenceSteps } from '../db/schema.ts'
import { column } from '../db/statement.ts'
import type { Batch } from '../inbox/provider.ts'
import { cancelled, isCancelledFor, strength } from './sequence-steps.ts'

/** Why a contact gets no more mail. */
export type OptOutReason = 'bounces' | 'unsubscribed' | 'spam'

/**
 * Opts contacts out and cancels their scheduled sequence steps. The contacts must be locked.
 *
 * @param contactIds may repeat an id.
 */
export const optOut = async (
  { tx, now }: Pick<Batch, 'tx' | 'now'>,
  contactIds: string[],
  reason: OptOutReason,
): Promise<void> => {
  if (contactIds.length === 0) return
  const ids = sql.param([...new Set(contactIds)])
  const { optedOut, optedOutAt, optedOutReason } = contacts
  await executePrepared(
    tx,
    'opt_out',
    sql`
      update ${contacts}
      set ${column(optedOut)} = true,
          ${column(optedOutAt)} = case when ${optedOut} then coalesce(${optedOutAt}, ${now}) else ${now} end,
          ${column(optedOutReason)} = case
            when ${optedOut} and ${strength(sql`${optedOutReason}`)} > ${strength(sql`${reason}::text`)}
            then ${optedOutReason} else ${reason} end
      where ${contacts.id} = any(${ids}::bigint[])`,
  )
  await executePrepared(
    tx,
    'opt_out_cancel_steps',
    sql`
      update ${sequenceSteps} set ${cancelled(sql`${optedOutReason}`)}
      from ${outreach} join ${contacts} on ${contacts.id} = ${outreach.contactId}
      where ${sequenceSteps.outreachId} = ${outreach.id} and ${contacts.id} = any(${ids}::bigint[])
        and ${isCancelledFor(sql`${optedOutReason}`)}`,
  )
}
