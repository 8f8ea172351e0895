import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { mailboxes } from '../db/schema.ts'
import { fields, toStatement } from '../db/statement.ts'
import { storableText } from '../db/storable.ts'
import { inTransaction } from '../db/transaction.ts'
import { ratesOf } from '../domain/mailbox-guard.ts'
import { type WeekRow, weekColumns } from '../domain/mailbox-week.ts'
import { noteChange, type Operator } from './audit.ts'

/** A mailbox, its health, and what the guard did about it. */
export interface MailboxHealth {
  id: string
  email: string
  /** 100 - 5 per bounce - 25 per spam report, not below 0. */
  healthScore: number
  bounces: number
  spamReports: number
  /** The sending service has sent nothing from it since then. */
  pausedAt: Date | null
  pausedReason: string | null
  warnedAt: Date | null
  resumedAt: Date | null
}

/** Columns of a {@link MailboxHealth}. */
export const HEALTH_COLUMNS = fields({
  id: mailboxes.id,
  email: mailboxes.email,
  healthScore: mailboxes.healthScore,
  bounces: mailboxes.bounceCount7d,
  spamReports: mailboxes.spamReports7d,
  pausedAt: mailboxes.pausedAt,
  pausedReason: mailboxes.pausedReason,
  warnedAt: mailboxes.warnedAt,
  resumedAt: mailboxes.resumedAt,
})

/** Mailboxes, the paused ones first, then the worst. */
export const mailboxesByHealth = async (
  pool: pg.Pool,
  page: { limit: number; offset: number },
): Promise<MailboxHealth[]> => {
  const { pausedAt, healthScore, spamReports7d, bounceCount7d, id } = mailboxes
  const { rows } = await pool.query<MailboxHealth>(
    toStatement(sql`
      select ${HEALTH_COLUMNS} from ${mailboxes}
      order by ${pausedAt} is null, ${healthScore}, ${spamReports7d} desc, ${bounceCount7d} desc, ${id}
      limit ${page.limit} offset ${page.offset}`),
  )
  return rows
}

/** The result of a request to resume a mailbox. */
export type Resumption = 'resumed' | 'not paused' | 'not found'

interface PausedRow extends WeekRow {
  id: string
  email: string
  paused: boolean
}

/**
 * Lets the sending service use a mailbox again. The rates of this moment are kept: within a week the guard pauses it
 * again only at twice these. Who did it, and why, is kept, too.
 *
 * @param address compared without case.
 */
export const resumeMailbox = (pool: pg.Pool, address: string, by: Operator, now: Date): Promise<Resumption> =>
  inTransaction(pool, async (tx) => {
    await tx.execute(sql`
      select from ${mailboxes} where lower(${mailboxes.email}) = lower(${storableText(address)}) for no key update`)
    const { rows } = await tx.execute<PausedRow>(sql`
      select ${mailboxes.id}, ${mailboxes.email}, ${mailboxes.pausedAt} is not null as paused, ${weekColumns(now)}
      from ${mailboxes} where lower(${mailboxes.email}) = lower(${storableText(address)})`)
    const [mailbox] = rows
    if (mailbox === undefined) return 'not found'
    if (!mailbox.paused) return 'not paused'
    const rates = ratesOf(mailbox)
    await tx
      .update(mailboxes)
      .set({
        pausedAt: null,
        pausedReason: null,
        resumedAt: now,
        resumedBounceRate: rates.bounces,
        resumedSpamRate: rates.spamReports,
      })
      .where(sql`${mailboxes.id} = ${mailbox.id}`)
    await noteChange(
      tx,
      { action: 'resume mailbox', subject: `mailbox:${mailbox.email.toLowerCase()}`, affected: 1 },
      by,
      now,
    )
    return 'resumed'
  })
