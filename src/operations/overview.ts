import { type SQL, sql } from 'drizzle-orm'
import type pg from 'pg'
import { errorGroup } from '../db/error-group.ts'
import { webhookEvents as e, minuteCounts, webhookPauses as p, webhookQueue as w } from '../db/schema.ts'
import { statement, toStatement } from '../db/statement.ts'
import type { CountedOutcome } from '../inbox/counts.ts'
import type { ProviderName } from '../providers/index.ts'
import { type EventSummary, listEvents } from './events.ts'
import { type EventFilter, matching, NO_ERROR } from './matching.ts'

const { minute, provider, outcome, reason, count } = minuteCounts

/** Counts of one stretch of time. */
export interface CountedStretch {
  from: Date
  provider: string
  outcome: CountedOutcome
  count: number
}

/**
 * How many events ended how, and what was refused, by stretches of time, the oldest first; stretches without any
 * are left out.
 * @param stretch in minutes: 1 for the last hour, 15 for the last day.
 */
export const countsOver = async (
  pool: pg.Pool,
  { since, stretch }: { since: Date; stretch: number },
): Promise<CountedStretch[]> => {
  const { rows } = await pool.query(
    toStatement(sql`
      select date_bin(${stretch}::int * interval '1 minute', ${minute}, timestamptz 'epoch') as "from",
             ${provider} as provider, ${outcome} as outcome, sum(${count})::float8 as count
      from ${minuteCounts} where ${minute} >= ${since} group by 1, 2, 3 order by 1, 2, 3`),
  )
  return rows
}

/** How many deliveries were refused since then, and why, the most frequent first. */
export const refusals = async (
  pool: pg.Pool,
  since: Date,
): Promise<{ provider: string; reason: string; count: number }[]> => {
  const { rows } = await pool.query(
    toStatement(sql`
      select ${provider} as provider, ${reason} as reason, sum(${count})::float8 as count from ${minuteCounts}
      where ${minute} >= ${since} and ${outcome} = 'refused' group by 1, 2 order by 3 desc, 1, 2`),
  )
  return rows
}

/** What waits to be processed. */
export interface Backlog {
  provider: string
  /** Events that are due and not yet processed. */
  due: number
  /** When the oldest of them became due; null when nothing is due. */
  oldestDueAt: Date | null
  /** Pending events whose next try, look for a missing row, or replay comes later. */
  later: number
}

const now = sql.placeholder('now')
const pendingOf = (which: SQL): SQL => sql`
  ${e.provider}, count(*) filter (where ${e.nextAttemptAt} <= ${now}),
         min(${e.nextAttemptAt}) filter (where ${e.nextAttemptAt} <= ${now}),
         count(*) filter (where ${e.nextAttemptAt} > ${now} or ${e.nextAttemptAt} is null)
  from ${e} where ${e.status} = 'pending' and ${which} group by ${e.provider}`

/**
 * Deliveries in the queue count with their events from their arrival; pending events from their next time, by the two
 * partial indexes `webhook_events_due_idx` and `webhook_events_due_alone_idx`. The time of a pause does not count.
 */
export const BACKLOG = statement<'now'>(
  'operations_backlog',
  sql`
select waiting.provider, coalesce(sum(due), 0)::int as due,
       min(greatest(oldest, pause.resumed_at)) filter (where not coalesce(pause.lasts, false)) as "oldestDueAt",
       coalesce(sum(later), 0)::int as later
from (
  select ${w.provider}, sum(${w.eventCount} - ${w.nextPosition}) as due, min(${w.receivedAt}) as oldest, 0 as later
  from ${w} group by ${w.provider}
  union all
  select ${pendingOf(sql`${e.attempts} = 0`)}
  union all
  select ${pendingOf(sql`${e.attempts} > 0`)}
) waiting
left join (
  select ${p.provider}, bool_or(${p.resumedAt} is null) as lasts, max(${p.resumedAt}) as resumed_at
  from ${p} where ${p.eventType} = '' group by ${p.provider}
) pause using (provider)
group by waiting.provider order by waiting.provider`,
)

/** What is in the queue or pending, by provider; providers without any are left out. */
export const backlog = async (pool: pg.Pool, now: Date): Promise<Backlog[]> => {
  const { rows } = await pool.query(BACKLOG({ now }))
  return rows
}

/** Dead events that failed alike: their errors differ in numbers, ids and quoted names alone. */
export interface ErrorGroup {
  /** The error with these folded: names the group in a filter. */
  error: string
  /** The newest event's error as it is. */
  example: string | null
  providers: string[]
  types: string[]
  count: number
  firstReceivedAt: Date
  newestReceivedAt: Date
}

/** The most dead events that are read, the newest ones: enough to see what is wrong. */
const MAX_DEAD = 10_000
const MAX_GROUPS = 100

/** Dead events grouped by error, the most frequent first. */
export const errorGroups = async (
  pool: pg.Pool,
  filter: Omit<EventFilter, 'status'> = {},
): Promise<{ groups: ErrorGroup[]; more: boolean }> => {
  const ids = matching({ ...filter, status: 'dead' }, { limit: MAX_DEAD, order: 'newest' })
  const { rows } = await pool.query<ErrorGroup>(
    toStatement(sql`
      select coalesce(${errorGroup(e.lastError)}, ${NO_ERROR}) as error,
             (array_agg(${e.lastError} order by ${e.receivedAt} desc, ${e.id} desc))[1] as example,
             array_agg(distinct ${e.provider}) as providers, array_agg(distinct ${e.eventType}) as types,
             count(*)::int as count, min(${e.receivedAt}) as "firstReceivedAt",
             max(${e.receivedAt}) as "newestReceivedAt"
      from (${ids}) matched join ${e} on ${e.id} = matched.id
      group by 1 order by 5 desc, 7 desc limit ${MAX_GROUPS}`),
  )
  const seen = rows.reduce((sum, row) => sum + row.count, 0)
  return { groups: rows, more: seen >= MAX_DEAD || rows.length === MAX_GROUPS }
}

/** Each provider's newest event; a provider without any is left out. */
export const lastEvents = async (
  pool: pg.Pool,
  providers: readonly ProviderName[],
): Promise<EventSummary[]> => {
  const newest = await Promise.all(providers.map((provider) => listEvents(pool, { provider }, { limit: 1 })))
  return newest.flatMap(({ events }) => events)
}
