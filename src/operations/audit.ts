import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { operatorActions } from '../db/schema.ts'
import { storableText } from '../db/storable.ts'
import type { Transaction } from '../db/transaction.ts'

/** Who changes something, from where and why: kept with the change. */
export interface Operator {
  /** A name: of the console's login, of a trusted proxy's header, or of the shell's user. */
  operator: string
  via: 'console' | 'command line'
  /** Why, in the operator's words; at most 500 characters are kept. */
  reason: string
  /** The id of a request that takes several calls: the audit shows its rows as one line. */
  requestId?: string
}

/** A change of something other than events. */
export interface Change {
  action: 'pause' | 'resume' | 'resume mailbox' | 'forget' | 'reconcile' | 'catch up' | 'forget redis'
  /** What was changed, as in `mailbox:a@b`; never a person's address. */
  subject: string | null
  /** How many rows. */
  affected: number
}

/** The reason as it is kept. */
export const reasonOf = ({ reason }: Pick<Operator, 'reason'>): string => storableText(reason.trim(), 500)

/** Keeps who made a change, in its transaction where it has one. */
export const noteChange = async (
  on: Transaction | pg.Pool,
  { action, subject, affected }: Change,
  by: Operator,
  now: Date,
): Promise<void> => {
  const tx = 'totalCount' in on ? queryBuilder(on) : on
  await tx.insert(operatorActions).values({
    action,
    subject,
    affected,
    reason: reasonOf(by),
    operator: storableText(by.operator, 100),
    via: by.via,
    actedAt: now,
    ...(by.requestId === undefined ? {} : { requestId: by.requestId }),
  })
}

/** What an operator asked for, as the audit lists it. */
export interface AuditedChange {
  /** Its place in the list, newest first. */
  id: string
  action: string
  reason: string
  operator: string
  via: string
  actedAt: Date
  subject: string | null
  /** How many events or rows it changed. */
  affected: number
  /** Of a change of one event. */
  eventRowId: string | null
  /** Of a change of events: what the first of them was. */
  statusBefore: string | null
  errorBefore: string | null
}

const other = alias(operatorActions, 'other')

/**
 * Operators' changes, the newest first.
 * @param page.before the `next` of the page before.
 */
export const listChanges = async (
  pool: pg.Pool,
  page: { limit: number; before?: string | undefined },
): Promise<{ changes: AuditedChange[]; next: string | null }> => {
  const { id, leads, requestId, affected, eventRowId } = operatorActions
  const events = sql<number>`(select count(*)::int from ${operatorActions} ${other} where ${other.requestId} = ${requestId})`
  const rows = await queryBuilder(pool)
    .select({
      id: sql<string>`${id}::text`,
      action: operatorActions.action,
      reason: operatorActions.reason,
      operator: operatorActions.operator,
      via: operatorActions.via,
      actedAt: operatorActions.actedAt,
      subject: operatorActions.subject,
      affected: sql<number>`coalesce(${affected}, ${events})`,
      eventRowId: sql<string | null>`${eventRowId}::text`,
      statusBefore: operatorActions.statusBefore,
      errorBefore: operatorActions.errorBefore,
    })
    .from(operatorActions)
    .where(and(eq(leads, true), page.before === undefined ? undefined : lt(id, BigInt(page.before))))
    .orderBy(desc(id))
    .limit(page.limit + 1)
  const changes = rows
    .slice(0, page.limit)
    .map((row) => (row.affected === 1 ? row : { ...row, eventRowId: null }))
  return { changes, next: rows.length > page.limit ? (changes.at(-1)?.id ?? null) : null }
}
