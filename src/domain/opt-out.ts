import { sql } from 'drizzle-orm'
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
  await tx.execute(sql`
    update contacts c
    set opted_out = true,
        opted_out_at = case when c.opted_out then coalesce(c.opted_out_at, ${now}) else ${now} end,
        opted_out_reason = case
          when c.opted_out and ${strength(sql`c.opted_out_reason`)} > ${strength(sql`${reason}::text`)}
          then c.opted_out_reason else ${reason} end
    where c.id = any(${ids}::bigint[])`)
  await tx.execute(sql`
    update sequence_steps s
    set status = 'cancelled', cancelled_reason = c.opted_out_reason
    from outreach o join contacts c on c.id = o.contact_id
    where s.outreach_id = o.id and c.id = any(${ids}::bigint[]) and ${isCancelledFor(sql`c.opted_out_reason`)}`)
}
