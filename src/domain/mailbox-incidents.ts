import { sql } from 'drizzle-orm'
import type { Batch, ClaimedEvent } from '../inbox/provider.ts'

/** The window of a mailbox's rolling counts, by arrival: what arrived later than this counts. */
export const windowStart = (now: Date): Date => new Date(now.getTime() - 7 * 86_400_000)

const COLUMNS = { bounce: 'bounce_count_7d', spam: 'spam_reports_7d' } as const

/** Records what lowers a mailbox's health, and counts it. The mailboxes must be locked. */
export const recordIncidents = async (
  { tx, now }: Batch,
  kind: keyof typeof COLUMNS,
  of: { claimed: ClaimedEvent; mailboxId: string | null }[],
): Promise<void> => {
  const incidents = of.filter(({ mailboxId }) => mailboxId !== null)
  if (incidents.length === 0) return
  const column = sql.identifier(COLUMNS[kind])
  await tx.execute(sql`
    with recorded as (
      insert into mailbox_incidents (mailbox_id, kind, arrived_at)
      select id, ${kind}, at
      from unnest(
        ${sql.param(incidents.map(({ mailboxId }) => mailboxId))}::bigint[],
        ${sql.param(incidents.map(({ claimed }) => claimed.receivedAt.toISOString()))}::timestamptz[]
      ) as u(id, at)
      returning mailbox_id, arrived_at
    )
    update mailboxes m
    set ${column} = m.${column} + v.incidents
    from (
      select mailbox_id, count(*) as incidents
      from recorded
      where arrived_at > ${windowStart(now)}
      group by mailbox_id
    ) v
    where m.id = v.mailbox_id`)
}
