import { and, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { alerts, mailboxes } from '../db/schema.ts'
import { storableText } from '../db/storable.ts'
import { type Alert, type Cause, runbookOf } from '../notifications/alert.ts'
import { isOver, misunderstoodRepeats } from './misunderstood.ts'

const DAY = 86_400_000
const DAYS_KEPT = 90
const MAX_TEXT = 1_000

/** The alerts whose causes still hold. */
export const openAlerts = (pool: pg.Pool): Promise<Alert[]> =>
  queryBuilder(pool).select().from(alerts).where(isNull(alerts.endedAt)) as Promise<Alert[]>

/**
 * Opens an alert for each new cause, updates those whose cause still holds, and closes the others.
 * @returns the alerts it closed.
 */
export const saveCauses = async (
  pool: pg.Pool,
  open: Alert[],
  causes: Cause[],
  now: Date,
): Promise<Alert[]> => {
  const db = queryBuilder(pool)
  for (const found of causes) {
    const cause = {
      ...found,
      text: `${storableText(found.text, MAX_TEXT)}. Runbook: ${runbookOf(found.kind)}`,
    }
    const lasting = open.find((alert) => alert.cause === cause.cause)
    if (lasting === undefined) {
      const key = `${cause.cause}:${now.toISOString()}`
      await db
        .insert(alerts)
        .values({ ...cause, key, channel: 'ops', startedAt: now })
        .onConflictDoNothing()
    } else {
      await db.update(alerts).set(cause).where(eq(alerts.key, lasting.key))
    }
  }
  const over = open.filter(
    (alert) => WATCHED.has(alert.kind) && !causes.some(({ cause }) => cause === alert.cause),
  )
  await end(
    pool,
    over.map(({ key }) => key),
    now,
  )
  return over
}

/** Kinds that are found by looking at the database; the others are opened where they happen. */
const WATCHED = new Set<Alert['kind']>(['backlog', 'dead', 'silent', 'refused', 'unavailable', 'paused'])

const end = async (pool: pg.Pool, keys: string[], now: Date): Promise<void> => {
  if (keys.length > 0)
    await queryBuilder(pool).update(alerts).set({ endedAt: now }).where(inArray(alerts.key, keys))
}

/** Counts how often what was not understood came again. */
export const saveRepeats = async (pool: pg.Pool, now: Date): Promise<void> => {
  for (const repeats of await misunderstoodRepeats(pool, now)) {
    const { key, count, lastAt } = repeats
    const known = lastAt === null ? {} : { count, lastAt }
    const ended = isOver(repeats, now) ? sql`coalesce(${alerts.endedAt}, ${now})` : null
    await queryBuilder(pool)
      .update(alerts)
      .set({ ...known, endedAt: ended })
      .where(eq(alerts.key, key))
  }
}

/** Ends the alerts of mailboxes that are not paused any more. */
export const endResumed = async (pool: pg.Pool, now: Date): Promise<void> => {
  const paused = queryBuilder(pool)
    .select({ id: sql`${mailboxes.id}::text` })
    .from(mailboxes)
    .where(sql`${mailboxes.pausedAt} is not null`)
  await queryBuilder(pool)
    .update(alerts)
    .set({ endedAt: now })
    .where(and(eq(alerts.kind, 'mailbox'), isNull(alerts.endedAt), sql`${alerts.subject} not in (${paused})`))
}

/** Alerts that may have something to tell: open ones, and those that ended lately. */
export const tellable = (pool: pg.Pool, now: Date): Promise<Alert[]> =>
  queryBuilder(pool)
    .select()
    .from(alerts)
    .where(or(isNull(alerts.endedAt), sql`${alerts.endedAt} > ${new Date(now.getTime() - 7 * DAY)}`))
    .orderBy(alerts.startedAt) as Promise<Alert[]>

export const saveTold = async (
  pool: pg.Pool,
  key: string,
  told: Partial<Pick<Alert, 'slackChannel' | 'slackTs' | 'told' | 'lineAt'>>,
): Promise<void> => {
  await queryBuilder(pool).update(alerts).set(told).where(eq(alerts.key, key))
}

export const deleteOld = async (pool: pg.Pool, now: Date): Promise<void> => {
  await queryBuilder(pool)
    .delete(alerts)
    .where(lt(alerts.endedAt, new Date(now.getTime() - DAYS_KEPT * DAY)))
}
