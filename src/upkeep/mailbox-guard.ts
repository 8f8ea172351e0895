import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { mailboxes, mailboxIncidents } from '../db/schema.ts'
import { inTransaction, type Transaction } from '../db/transaction.ts'
import { lockMailboxes } from '../domain/locks.ts'
import { judgeMailbox, type Verdict } from '../domain/mailbox-guard.ts'
import { windowStart } from '../domain/mailbox-incidents.ts'
import { type WeekRow, weekColumns } from '../domain/mailbox-week.ts'
import { linkTo } from '../notifications/pages.ts'
import type { Notification } from '../notifications/queues.ts'
import { inBatches } from './batches.ts'
import type { Report, UpkeepTask } from './task.ts'

/** Mailboxes locked at once. Bounces for them wait until the batch commits. */
const MAILBOXES = 50

/**
 * Warns about mailboxes whose mails bounce or are reported as spam too often, and pauses the worse ones. The sending
 * service reads `paused_at`. It runs every two minutes, so that a mailbox is paused within five.
 */
export const mailboxGuard: UpkeepTask = {
  name: 'mailbox-guard',
  says: 'mailbox guarded',
  cron: '*/2 * * * *',
  run: async (context) => {
    const { pool, now, enqueue } = context
    const ids = await watched(pool, now)
    const reports: Report[] = []
    await inBatches(context, async () => {
      const some = ids.splice(0, MAILBOXES)
      if (some.length > 0) {
        const judged = await inTransaction(pool, async (tx) => {
          const verdicts = await judge(tx, some, now)
          const alerts = verdicts.map((one) => alertOf(one, now))
          await enqueue(tx, alerts)
          return verdicts
        })
        for (const { id, verdict } of judged) reports.push({ mailbox: id, verdict: verdict.verdict })
      }
      return ids.length > 0
    })
    return reports
  },
}

/** Mailboxes to judge: not paused, and either warned about or with an incident in the last seven days. */
const watched = async (pool: pg.Pool, now: Date): Promise<string[]> =>
  inTransaction(pool, async (tx) => {
    const { rows } = await tx.execute<{ id: string }>(sql`
      select ${mailboxes.id} from ${mailboxes}
      where ${mailboxes.pausedAt} is null and (${mailboxes.warnedAt} is not null or ${mailboxes.id} in (
        select ${mailboxIncidents.mailboxId} from ${mailboxIncidents}
        where ${mailboxIncidents.arrivedAt} > ${windowStart(now)}))
      order by ${mailboxes.id}`)
    return rows.map(({ id }) => id)
  })

interface GuardedRow extends WeekRow {
  id: string
  email: string
  warned: boolean
  warnedLately: boolean
  resumedAt: string | null
  resumedBounceRate: number | null
  resumedSpamRate: number | null
}

interface Judged {
  id: string
  email: string
  verdict: Exclude<Verdict, { verdict: 'fine' }>
}

/** Judges mailboxes under their locks and stores the verdicts. @returns those to alert about. */
const judge = async (tx: Transaction, ids: string[], now: Date): Promise<Judged[]> => {
  await lockMailboxes(tx, ids)
  const { rows } = await tx.execute<GuardedRow>(sql`
    select ${mailboxes.id}, ${mailboxes.email}, ${mailboxes.warnedAt} is not null as warned,
           coalesce(${mailboxes.warnedAt} > ${windowStart(now)}, false) as "warnedLately",
           ${mailboxes.resumedAt} as "resumedAt", ${mailboxes.resumedBounceRate} as "resumedBounceRate",
           ${mailboxes.resumedSpamRate} as "resumedSpamRate", ${weekColumns(now)}
    from ${mailboxes}
    where ${mailboxes.id} = any(${sql.param(ids)}::bigint[]) and ${mailboxes.pausedAt} is null
    order by ${mailboxes.id}`)
  const decided: Judged[] = []
  const over: string[] = []
  for (const row of rows) {
    const verdict = judgeMailbox(row, resumedOf(row), now)
    if (verdict.verdict === 'pause' || (verdict.verdict === 'warn' && !row.warned)) {
      decided.push({ id: row.id, email: row.email, verdict })
    }
    // A warning lasts seven days at least, so that a mailbox near the limit does not warn again and again.
    if (verdict.verdict === 'fine' && row.warned && !row.warnedLately) over.push(row.id)
  }
  await write(tx, decided, over, now)
  return decided
}

const resumedOf = ({ resumedAt, resumedBounceRate, resumedSpamRate }: GuardedRow) =>
  resumedAt === null
    ? undefined
    : { at: new Date(resumedAt), bounces: resumedBounceRate ?? 0, spamReports: resumedSpamRate ?? 0 }

const write = async (tx: Transaction, decided: Judged[], over: string[], now: Date): Promise<void> => {
  const pausing = decided.filter(({ verdict }) => verdict.verdict === 'pause')
  const warned = decided.map(({ id }) => id)
  if (warned.length > 0) {
    // A paused mailbox counts as warned: what remains of its rates after it is resumed needs no second warning.
    await tx
      .update(mailboxes)
      .set({ warnedAt: sql`coalesce(${mailboxes.warnedAt}, ${now})` })
      .where(sql`${mailboxes.id} = any(${sql.param(warned)}::bigint[])`)
  }
  if (over.length > 0) {
    await tx
      .update(mailboxes)
      .set({ warnedAt: null })
      .where(sql`${mailboxes.id} = any(${sql.param(over)}::bigint[])`)
  }
  if (pausing.length > 0) {
    await tx
      .update(mailboxes)
      .set({ pausedAt: now, pausedReason: sql`v.reason` })
      .from(sql`unnest(
        ${sql.param(pausing.map(({ id }) => id))}::bigint[],
        ${sql.param(pausing.map(({ verdict }) => verdict.reason))}::text[]
      ) as v(id, reason)`)
      .where(sql`${mailboxes.id} = v.id`)
  }
}

const alertOf = ({ id, email, verdict }: Judged, now: Date): Notification => ({
  channel: 'slack',
  key: `mailbox:${verdict.verdict}:${id}:${now.toISOString()}`,
  event: null,
  data: {
    channel: 'ops',
    text: `${TEXTS[verdict.verdict](email, verdict.reason)}. Runbook: ${linkTo('mailboxGuard')}`,
  },
  ...(verdict.verdict === 'pause' ? { alert: { kind: 'mailbox' as const, subject: id } } : {}),
})

const TEXTS = {
  pause: (email: string, reason: string) =>
    `⛔ The mailbox ${email} is paused: ${reason}. Nothing is sent from it until an operator resumes it`,
  warn: (email: string, reason: string) => `⚠️ The mailbox ${email} is at risk: ${reason}`,
}
