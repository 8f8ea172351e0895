import { sql } from 'drizzle-orm'
import { executePrepared } from '../db/prepared.ts'
import { contacts, outreach, sequenceSteps } from '../db/schema.ts'
import type { Batch } from '../inbox/provider.ts'
import { isCancelledFor, strength } from './sequence-steps.ts'

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
  await executePrepared(
    tx,
    'opt_out',
    sql`
      update ${contacts} c
      set opted_out = true,
          opted_out_at = case when c.opted_out then coalesce(c.opted_out_at, ${now}) else ${now} end,
          opted_out_reason = case
            when c.opted_out and ${strength(sql`c.opted_out_reason`)} > ${strength(sql`${reason}::text`)}
            then c.opted_out_reason else ${reason} end
      where c.id = any(${ids}::bigint[])`,
  )
  await executePrepared(
    tx,
    'opt_out_cancel_steps',
    sql`
      update ${sequenceSteps} s
      set status = 'cancelled', cancelled_reason = ${contacts.optedOutReason}
      from ${outreach} join ${contacts} on ${contacts.id} = ${outreach.contactId}
      where s.outreach_id = ${outreach.id} and ${contacts.id} = any(${ids}::bigint[])
        and ${isCancelledFor(sql`${contacts.optedOutReason}`)}`,
  )
}
