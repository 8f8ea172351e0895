import { sql } from 'drizzle-orm'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'
import { learnMessageId } from './processed.ts'

/** `delivered`: the receiving server accepted the mail. Times take the latest. */
export const delivered = async (events: OutreachEvent[], batch: Batch): Promise<void> => {
  await learnMessageId(events, batch)
  const { tx } = batch
  const times = sql.param(events.map(({ fields }) => fields.at.toISOString()))
  await tx.execute(sql`
    update outreach o
    set status = greatest(o.status, 'delivered'), delivered_at = greatest(o.delivered_at, v.at)
    from (
      select id, max(at) as at
      from unnest(${sql.param(events.map(({ outreachId }) => outreachId))}::bigint[], ${times}::timestamptz[]) as u(id, at)
      group by id
    ) v
    where o.id = v.id`)
  await tx.execute(sql`
    update contacts c
    set last_contacted_at = greatest(c.last_contacted_at, v.at)
    from (
      select id, max(at) as at
      from unnest(${sql.param(events.map(({ contactId }) => contactId))}::bigint[], ${times}::timestamptz[]) as u(id, at)
      group by id
    ) v
    where c.id = v.id`)
}
