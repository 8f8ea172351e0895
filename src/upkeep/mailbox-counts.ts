import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { inTransaction } from '../db/transaction.ts'
import { lockMailboxes } from '../domain/locks.ts'
import { windowStart } from '../domain/mailbox-incidents.ts'
import { inBatches } from './batches.ts'
import type { UpkeepTask } from './task.ts'

/** Mailboxes locked at once: bounces for them wait that long. */
const MAILBOXES = 100

/** Takes out of the rolling counts what is older than seven days. */
export const mailboxCounts: UpkeepTask = {
  name: 'mailbox-counts',
  says: 'mailboxes recounted',
  cron: '*/10 * * * *',
  run: async ({ pool, now, signal }) => {
    const { rows } = await pool.query<{ id: string }>(WRONG, [windowStart(now)])
    const ids = rows.map((row) => row.id)
    const total = ids.length
    await inBatches(signal, async () => {
      const some = ids.splice(0, MAILBOXES)
      if (some.length > 0) await recountMailboxes(pool, some, now)
      return ids.length > 0
    })
    return total === 0 ? [] : [{ mailboxes: total - ids.length }]
  },
}

const WRONG = `
select m.id
from mailboxes m left join (
  select mailbox_id, count(*) filter (where kind = 'bounce') as bounces, count(*) filter (where kind = 'spam') as spam
  from mailbox_incidents where arrived_at > $1 group by mailbox_id
) i on i.mailbox_id = m.id
where (m.bounce_count_7d, m.spam_reports_7d) <> (coalesce(i.bounces, 0), coalesce(i.spam, 0))
order by m.id`

/**
 * Counts the incidents of these mailboxes afresh. Each is locked first and counted by another statement, whose
 * snapshot therefore holds every incident recorded before; whoever records one meanwhile waits, then adds to it.
 */
export const recountMailboxes = (pool: pg.Pool, ids: string[], now: Date): Promise<void> =>
  inTransaction(pool, async (tx) => {
    await lockMailboxes(tx, ids)
    await tx.execute(sql`
      update mailboxes m
      set bounce_count_7d = v.bounces, spam_reports_7d = v.spam
      from (
        select u.id, count(*) filter (where i.kind = 'bounce') as bounces, count(*) filter (where i.kind = 'spam') as spam
        from unnest(${sql.param(ids)}::bigint[]) as u(id)
        left join mailbox_incidents i on i.mailbox_id = u.id and i.arrived_at > ${windowStart(now)}
        group by u.id
      ) v
      where m.id = v.id`)
  })
