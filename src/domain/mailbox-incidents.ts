import { sql } from 'drizzle-orm'
import type { Batch, ClaimedEvent } from '../inbox/provider.ts'
import { lockMailboxes } from './locks.ts'

/** The window of a mailbox's rolling counts, by arrival: what arrived later than this counts. */
export const windowStart = (now: Date): Date => new Date(now.getTime() - 7 * 86_400_000)

/** What lowers a mailbox's health. */
export interface Incident {
  mailboxId: string
  kind: 'bounce' | 'spam'
  claimed: ClaimedEvent
}

/**
 * Records incidents and counts them, of all kinds at once: nearly every batch shares a mailbox with another, so they
 * are locked last and for as short as can be.
 */
export const recordIncidents = async ({ tx, now }: Batch, incidents: Incident[]): Promise<void> => {
  if (incidents.length === 0) return
  await lockMailboxes(tx, [...new Set(incidents.map(({ mailboxId }) => mailboxId))])
  await tx.execute(sql`
    with recorded as (
      insert into mailbox_incidents (mailbox_id, kind, arrived_at)
      select id, kind, at
      from unnest(
        ${sql.param(incidents.map(({ mailboxId }) => mailboxId))}::bigint[],
        ${sql.param(incidents.map(({ kind }) => kind))}::text[],
        ${sql.param(incidents.map(({ claimed }) => claimed.receivedAt.toISOString()))}::timestamptz[]
      ) as u(id, kind, at)
      returning mailbox_id, kind, arrived_at
    )
    update mailboxes m
    set bounce_count_7d = m.bounce_count_7d + v.bounces, spam_reports_7d = m.spam_reports_7d + v.spam
    from (
      select mailbox_id, count(*) filter (where kind = 'bounce') as bounces, count(*) filter (where kind = 'spam') as spam
      from recorded
      where arrived_at > ${windowStart(now)}
      group by mailbox_id
    ) v
    where m.id = v.mailbox_id`)
}
