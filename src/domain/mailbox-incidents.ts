import { sql } from 'drizzle-orm'
import { mailboxes, mailboxIncidents } from '../db/schema.ts'
import { column, columns, plainArray } from '../db/statement.ts'
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
 * Records incidents and counts them, of all kinds at once: nearly every batch shares a mailbox with another, so
 * mailboxes are locked last and as briefly as possible.
 */
export const recordIncidents = async ({ tx, now }: Batch, incidents: Incident[]): Promise<void> => {
  if (incidents.length === 0) return
  const { mailboxId, kind, arrivedAt } = mailboxIncidents
  const { bounceCount7d, spamReports7d } = mailboxes
  await lockMailboxes(tx, [...new Set(incidents.map(({ mailboxId }) => mailboxId))])
  await tx.execute(sql`
    with recorded as (
      insert into ${mailboxIncidents} (${columns(mailboxId, kind, arrivedAt)})
      select id, kind, at
      from unnest(
        ${plainArray(incidents.map(({ mailboxId }) => mailboxId))}::bigint[],
        ${plainArray(incidents.map(({ kind }) => kind))}::text[],
        ${plainArray(incidents.map(({ claimed }) => claimed.receivedAt.toISOString()))}::timestamptz[]
      ) as u(id, kind, at)
      returning ${mailboxId} as id, ${kind} as kind, ${arrivedAt} as at
    )
    update ${mailboxes}
    set ${column(bounceCount7d)} = ${bounceCount7d} + v.bounces, ${column(spamReports7d)} = ${spamReports7d} + v.spam
    from (
      select id, count(*) filter (where kind = 'bounce') as bounces, count(*) filter (where kind = 'spam') as spam
      from recorded
      where at > ${windowStart(now)}
      group by id
    ) v
    where ${mailboxes.id} = v.id`)
}
