import { isNull, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { webhookEvents as e, webhookPauses as p } from '../db/schema.ts'
import { column } from '../db/statement.ts'
import { storableText } from '../db/storable.ts'
import { inTransaction } from '../db/transaction.ts'
import type { ProviderName } from '../providers/index.ts'
import { noteChange, type Operator, reasonOf } from './audit.ts'

/** What is paused or resumed: a provider, or one of its event types. Deliveries are accepted all the same. */
export interface Pausable {
  provider: ProviderName
  /** Undefined: the whole provider. */
  type?: string | undefined
}

/** A pause in force. */
export interface Pause {
  provider: string
  /** Null: the whole provider. */
  type: string | null
  reason: string
  operator: string
  pausedAt: Date
}

/** Events that get their time back in one statement. */
const BATCH = 5_000

/** What is paused now, the longest first. */
export const listPauses = async (pool: pg.Pool): Promise<Pause[]> => {
  const { provider, eventType, reason, operator, pausedAt, resumedAt, id } = p
  return queryBuilder(pool)
    .select({ provider, type: sql<string | null>`nullif(${eventType}, '')`, reason, operator, pausedAt })
    .from(p)
    .where(isNull(resumedAt))
    .orderBy(pausedAt, id)
}

/** Stops processing: batches under way end, no other begins. @returns false when it is paused already. */
export const pauseProcessing = (pool: pg.Pool, what: Pausable, by: Operator, now: Date): Promise<boolean> =>
  inTransaction(pool, async (tx) => {
    const paused = await tx
      .insert(p)
      .values({
        provider: what.provider,
        eventType: what.type ?? '',
        reason: reasonOf(by),
        operator: storableText(by.operator, 100),
        pausedAt: now,
      })
      .onConflictDoNothing()
      .returning({ id: p.id })
    if (paused.length === 0) return false
    await noteChange(tx, { action: 'pause', subject: subjectOf(what), affected: 1 }, by, now)
    return true
  })

/**
 * Resumes processing. Events that became pending meanwhile are due now, unless another pause holds them; the time of
 * the pause does not count as waiting. Repeat it when it fails half-way.
 *
 * @returns whether it was paused, and how many pending events are due again.
 */
export const resumeProcessing = async (
  pool: pg.Pool,
  what: Pausable,
  by: Operator,
  now: Date,
): Promise<{ resumed: boolean; due: number }> => {
  const pausedAt = await inTransaction(pool, async (tx) => {
    const [ended] = await tx
      .update(p)
      .set({ resumedAt: now })
      .where(
        sql`${p.provider} = ${what.provider} and ${p.eventType} = ${what.type ?? ''} and ${p.resumedAt} is null`,
      )
      .returning({ pausedAt: p.pausedAt })
    if (ended === undefined) return undefined
    await noteChange(tx, { action: 'resume', subject: subjectOf(what), affected: 1 }, by, now)
    return ended.pausedAt
  })
  // Not in the same transaction: the workers would wait for it.
  if (pausedAt !== undefined) await shiftWaits(pool, what, pausedAt, now)
  let due = 0
  for (let given = BATCH; given === BATCH; due += given) given = await giveTimes(pool, what, now)
  return { resumed: pausedAt !== undefined, due }
}

const meant = ({ provider, type }: Pausable) =>
  sql`${e.provider} = ${provider} and ${e.status} = 'pending' and (${type ?? null}::text is null or ${e.eventType} = ${type ?? null})`

/** Shortens the waiting time of waiting events by the time of the pause. */
const shiftWaits = (pool: pg.Pool, what: Pausable, pausedAt: Date, now: Date): Promise<void> =>
  inTransaction(pool, async (tx) => {
    await tx.execute(sql`
      update ${e} set ${column(e.waitingSince)} = ${e.waitingSince} + (${now}::timestamptz - greatest(${e.waitingSince}, ${pausedAt}::timestamptz))
      where ${e.id} in (select ${e.id} from ${e} where ${meant(what)} and ${e.waitingSince} < ${now} order by ${e.id} for update)`)
  })

/** @returns how many events are due now. */
const giveTimes = (pool: pg.Pool, what: Pausable, now: Date): Promise<number> =>
  inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.execute(sql`
      update ${e} set ${column(e.nextAttemptAt)} = ${now}
      where ${e.id} in (
        select ${e.id} from ${e}
        where ${meant(what)} and ${e.nextAttemptAt} is null and not exists (
          select from ${p} where ${p.provider} = ${e.provider} and ${p.resumedAt} is null
            and ${p.eventType} in ('', ${e.eventType})
        )
        order by ${e.id} limit ${BATCH} for update
      )`)
    return rowCount ?? 0
  })

const subjectOf = ({ provider, type }: Pausable): string =>
  `provider:${provider}${type === undefined ? '' : `/${storableText(type, 100)}`}`
