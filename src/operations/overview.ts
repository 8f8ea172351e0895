import type pg from 'pg'
import type { CountedOutcome } from '../inbox/counts.ts'
import type { ProviderName } from '../providers/index.ts'
import { type EventSummary, listEvents } from './events.ts'
import { type EventFilter, matching, NO_ERROR } from './matching.ts'

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
    `select date_bin($2::int * interval '1 minute', minute, timestamptz 'epoch') as "from", provider, outcome,
            sum(count)::float8 as count
     from minute_counts where minute >= $1 group by 1, 2, 3 order by 1, 2, 3`,
    [since, stretch],
  )
  return rows
}

/** How many deliveries were refused since then, and why, the most frequent first. */
export const refusals = async (
  pool: pg.Pool,
  since: Date,
): Promise<{ provider: string; reason: string; count: number }[]> => {
  const { rows } = await pool.query(
    `select provider, reason, sum(count)::float8 as count from minute_counts
     where minute >= $1 and outcome = 'refused' group by 1, 2 order by 3 desc, 1, 2`,
    [since],
  )
  return rows
}

/** What waits for its turn. */
export interface Backlog {
  provider: string
  /** Events that are due and not yet processed. */
  due: number
  /** When the oldest of them became due; null when there is none. */
  oldestDueAt: Date | null
  /** Pending events whose next try, look for a missing row, or replay comes later. */
  later: number
}

/**
 * Deliveries in the queue count with their events from their arrival; pending events from their next time, by the two
 * partial indexes `webhook_events_due_idx` and `webhook_events_due_alone_idx`. The time of a pause does not count.
 */
export const BACKLOG = `
select waiting.provider, coalesce(sum(due), 0)::int as due,
       min(greatest(oldest, pause.resumed_at)) filter (where not coalesce(pause.lasts, false)) as "oldestDueAt",
       coalesce(sum(later), 0)::int as later
from (
  select provider, sum(event_count - next_position) as due, min(received_at) as oldest, 0 as later
  from webhook_queue group by provider
  union all
  select provider, count(*) filter (where next_attempt_at <= $1), min(next_attempt_at) filter (where next_attempt_at <= $1),
         count(*) filter (where next_attempt_at > $1 or next_attempt_at is null)
  from webhook_events where status = 'pending' and attempts = 0 group by provider
  union all
  select provider, count(*) filter (where next_attempt_at <= $1), min(next_attempt_at) filter (where next_attempt_at <= $1),
         count(*) filter (where next_attempt_at > $1 or next_attempt_at is null)
  from webhook_events where status = 'pending' and attempts > 0 group by provider
) waiting
left join (
  select provider, bool_or(resumed_at is null) as lasts, max(resumed_at) as resumed_at
  from webhook_pauses where event_type = '' group by provider
) pause using (provider)
group by waiting.provider order by waiting.provider`

/** What is in the queue or pending, by provider; providers without any are left out. */
export const backlog = async (pool: pg.Pool, now: Date): Promise<Backlog[]> => {
  const { rows } = await pool.query({ name: 'operations_backlog', text: BACKLOG, values: [now] })
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

/** Dead events looked at, the newest ones: enough to see what is wrong. */
const MOST_DEAD = 10_000
const MOST_GROUPS = 100

/** Dead events by what they died of, the most frequent first. */
export const errorGroups = async (
  pool: pg.Pool,
  filter: Omit<EventFilter, 'status'> = {},
): Promise<{ groups: ErrorGroup[]; more: boolean }> => {
  const ids = matching({ ...filter, status: 'dead' }, { limit: MOST_DEAD, order: 'newest' })
  const { rows } = await pool.query(
    `select coalesce(webhook_error_group(e.last_error), '${NO_ERROR}') as error,
            (array_agg(e.last_error order by e.received_at desc, e.id desc))[1] as example,
            array_agg(distinct e.provider) as providers, array_agg(distinct e.event_type) as types,
            count(*)::int as count, min(e.received_at) as "firstReceivedAt", max(e.received_at) as "newestReceivedAt"
     from (${ids.text}) matched join webhook_events e on e.id = matched.id
     group by 1 order by 5 desc, 7 desc limit ${MOST_GROUPS}`,
    ids.values,
  )
  const seen = rows.reduce((sum, row) => sum + row.count, 0)
  return { groups: rows, more: seen >= MOST_DEAD || rows.length === MOST_GROUPS }
}

/** Each provider's newest event; a provider without any is left out. */
export const lastEvents = async (
  pool: pg.Pool,
  providers: readonly ProviderName[],
): Promise<EventSummary[]> => {
  const newest = await Promise.all(providers.map((provider) => listEvents(pool, { provider }, { limit: 1 })))
  return newest.flatMap(({ events }) => events)
}
