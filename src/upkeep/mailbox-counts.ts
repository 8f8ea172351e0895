import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { mailboxes, mailboxIncidents } from '../db/schema.ts'
import { column, toStatement } from '../db/statement.ts'
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
  run: async (context) => {
    const { pool, now } = context
    const { rows } = await pool.query<{ id: string }>(wrong(now))
    const ids = rows.map((row) => row.id)
    const total = ids.length
    await inBatches(context, async () => {
      const some = ids.splice(0, MAILBOXES)
      if (some.length > 0) await recountMailboxes(pool, some, now)
      return ids.length > 0
    })
    return total === 0 ? [] : [{ mailboxes: total - ids.length }]
  },
}

const { mailboxId, kind, arrivedAt } = mailboxIncidents
const counted = sql`
  count(*) filter (where ${kind} = 'bounce') as bounces, count(*) filter (where ${kind} = 'spam') as spam`

const wrong = (now: Date) =>
  toStatement(sql`
select ${mailboxes.id}
from ${mailboxes} left join (
  select ${mailboxId} as id, ${counted} from ${mailboxIncidents} where ${arrivedAt} > ${windowStart(now)} group by 1
) found on found.id = ${mailboxes.id}
where (${mailboxes.bounceCount7d}, ${mailboxes.spamReports7d}) <> (coalesce(found.bounces, 0), coalesce(found.spam, 0))
order by ${mailboxes.id}`)

/**
 * Counts the incidents of these mailboxes again. Each mailbox is locked first and counted by a second statement, whose
 * snapshot therefore holds every incident recorded before. A batch that records one meanwhile waits, then adds to the
 * count.
 */
export const recountMailboxes = (pool: pg.Pool, ids: string[], now: Date): Promise<void> =>
  inTransaction(pool, async (tx) => {
    await lockMailboxes(tx, ids)
    await tx.execute(sql`
      update ${mailboxes}
      set ${column(mailboxes.bounceCount7d)} = v.bounces, ${column(mailboxes.spamReports7d)} = v.spam
      from (
        select u.id, ${counted}
        from unnest(${sql.param(ids)}::bigint[]) as u(id)
        left join ${mailboxIncidents} on ${mailboxId} = u.id and ${arrivedAt} > ${windowStart(now)}
        group by u.id
      ) v
      where ${mailboxes.id} = v.id`)
  })
