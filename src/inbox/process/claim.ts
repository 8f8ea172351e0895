import type pg from 'pg'
import type { ClaimedEvent, ProviderName } from '../provider.ts'
import { spreadAfter } from './retry.ts'

/** A claimed row, and whether its effects were applied before: then it is only replayed and nothing is to do. */
export interface Claim {
  event: ClaimedEvent
  applied: boolean
  /** It was fetched when it was older than a day: nothing is sent about it. */
  isOldNews: boolean
}

/**
 * Claims and marks in one statement: the row lock is held until the effects are committed, and a rollback (or a
 * crash) undoes claim and mark together. Nearly every event ends `processed`; `endDifferently` corrects the rest. An
 * event that is handled again may be understood this time.
 *
 * Joined by the row's place (ctid), which saves a search of an index per row. A row that moved meanwhile is left out,
 * and is there the next time.
 */
const MARK = `
update webhook_events e
set status = 'processed', processed_at = coalesce(e.processed_at, $2), next_attempt_at = null, attempts = e.attempts + $3,
    misunderstood = case when e.processed_at is not null then e.misunderstood end
from due where e.ctid = due.ctid
returning e.id, e.event_id, e.event_type, e.payload, e.received_at, e.waiting_since, e.attempts,
          old.processed_at is not null as applied,
          e.source = 'catch-up' and e.occurred_at < e.received_at - interval '1 day' as is_old_news`

/** Events without a failed or interrupted attempt behind them go together; each kind has an index of its own. */
const FRESH = 'attempts = 0 and last_error is null'
const TROUBLED = '(attempts > 0 or last_error is not null)'

/**
 * Subjects by their hash, in so many parts: batches of different parts change different rows, as a rule. Two bits,
 * compared with `<` and `>` because the planner takes an equality for one row in 200.
 */
export const PARTS = 4
const HASH = 'hashtext(coalesce(subject, event_id))'
const inPart = (part: string) => `(${HASH} < 0) = (${part} & 1 > 0) and (${HASH} & 1 > 0) = (${part} & 2 > 0)`

const CLAIM_FRESH = `
with due as materialized (
  select ctid from webhook_events
  where provider = $1 and status = 'pending' and next_attempt_at <= $2 and ${FRESH}
    and ($5::int is null or ${inPart('$5')})
  order by next_attempt_at, id limit $4
  for update skip locked
)${MARK}`

/** Given events, whatever their attempts, if they are still pending and nobody else has them. */
const CLAIM_THESE = `
with due as materialized (
  select ctid from webhook_events
  where provider = $1 and status = 'pending' and id = any($4::bigint[])
  order by id
  for update skip locked
)${MARK}`

const toClaims = (rows: pg.QueryResultRow[]): Claim[] =>
  rows.map((row) => ({
    event: {
      id: row.id,
      eventId: row.event_id,
      eventType: row.event_type,
      payload: row.payload,
      receivedAt: row.received_at,
      waitingSince: row.waiting_since,
      attempts: row.attempts,
    },
    applied: row.applied,
    isOldNews: row.is_old_news,
  }))

const TAKE_PART = `
select part from unnest($2::int[]) as part
where pg_try_advisory_xact_lock(hashtext('webhook_events ' || $1), part) limit 1`

/**
 * Takes a part of a provider's subjects that no other batch has, of whatever replica, until the end of the transaction.
 * @param first the part to begin the search with
 * @returns undefined when there is none
 */
export const takePart = async (
  client: pg.PoolClient,
  provider: ProviderName,
  first: number,
): Promise<number | undefined> => {
  const order = Array.from({ length: PARTS }, (_, n) => (first + n) % PARTS)
  const { rows } = await client.query({ name: 'inbox_take_part', text: TAKE_PART, values: [provider, order] })
  return rows[0]?.part
}

/**
 * Claims what is due, the longest due first. Must run inside the transaction that applies the effects.
 * @param part events of these subjects; null: of all
 */
export const claimFresh = async (
  client: pg.PoolClient,
  provider: ProviderName,
  now: Date,
  limit: number,
  part: number | null,
): Promise<Claim[]> => {
  const values = [provider, now, 1, limit, part]
  return toClaims((await client.query({ name: 'inbox_claim_fresh', text: CLAIM_FRESH, values })).rows)
}

/**
 * Claims the given events.
 * @param countAttempt false when the attempt was counted already, before the handler (see `beginAttempt`).
 */
export const claimThese = async (
  client: pg.PoolClient,
  provider: ProviderName,
  now: Date,
  ids: string[],
  countAttempt: boolean,
): Promise<Claim[]> =>
  toClaims(
    (
      await client.query({
        name: 'inbox_claim_these',
        text: CLAIM_THESE,
        values: [provider, now, countAttempt ? 1 : 0, ids],
      })
    ).rows,
  )

/** How a claimed event ended when it is not `processed`. */
export interface Ending {
  id: string
  status: 'pending' | 'ignored' | 'skipped' | 'dead'
  attempts: number
  reason: string | null
  nextAttemptAt: Date | null
  waitingSince: Date | null
}

const END = `
update webhook_events e
set status = v.status, attempts = v.attempts, last_error = coalesce(v.reason, e.last_error),
    next_attempt_at = v.next_attempt_at, waiting_since = v.waiting_since,
    processed_at = case v.status when 'ignored' then $2::timestamptz end
from json_to_recordset($1::json) as v(id bigint, status text, attempts int, reason text,
                                      next_attempt_at timestamptz, waiting_since timestamptz)
where e.id = v.id`

/** Corrects the mark of events that did not end `processed`, inside the same transaction. */
export const endDifferently = async (client: pg.PoolClient, endings: Ending[], now: Date): Promise<void> => {
  if (endings.length === 0) return
  const rows = endings.map(({ nextAttemptAt, waitingSince, ...ending }) => ({
    ...ending,
    next_attempt_at: nextAttemptAt,
    waiting_since: waitingSince,
  }))
  await client.query({ name: 'inbox_end', text: END, values: [JSON.stringify(rows), now] })
}

/**
 * One due event that goes alone. The attempt is committed before the handler runs, so that an event that kills the
 * process is found; should it do so, the others get some seconds before it is tried again.
 */
const begin = (which: string) => `
with due as materialized (
  select id from webhook_events
  where provider = $1 and status = 'pending' and next_attempt_at <= $2 and ${which}
  order by next_attempt_at, id limit 1
  for update skip locked
)
update webhook_events e
set attempts = attempts + 1, next_attempt_at = $3
from due where e.id = due.id
returning e.id, e.event_id, e.event_type, e.attempts`

const BEGIN = {
  fresh: { name: 'inbox_begin_fresh', text: begin(FRESH) },
  troubled: { name: 'inbox_begin_troubled', text: begin(TROUBLED) },
}

const CRASH_PAUSE = 10_000

export interface BegunAttempt {
  id: string
  eventId: string
  eventType: string
  attempts: number
}

/**
 * Counts an attempt of one due event and commits it; undefined when none is due.
 * @param which `troubled`: events with trouble behind them, the ones that no batch takes.
 */
export const beginAttempt = async (
  pool: pg.Pool,
  provider: ProviderName,
  now: Date,
  which: keyof typeof BEGIN,
): Promise<BegunAttempt | undefined> => {
  const { rows } = await pool.query({
    ...BEGIN[which],
    values: [provider, now, spreadAfter(now, CRASH_PAUSE)],
  })
  const [row] = rows
  return row && { id: row.id, eventId: row.event_id, eventType: row.event_type, attempts: row.attempts }
}

const FAIL = `
update webhook_events
set status = $2, attempts = $3, last_error = $4, next_attempt_at = $5
where id = $1 and status = 'pending'`

/** Records a failed attempt; without a next time the event is dead. */
export const recordFailure = async (
  pool: pg.Pool,
  id: string,
  failure: { attempts: number; error: string; nextAttemptAt: Date | null },
): Promise<void> => {
  const { attempts, error, nextAttemptAt } = failure
  await pool.query({
    name: 'inbox_fail',
    text: FAIL,
    values: [id, nextAttemptAt === null ? 'dead' : 'pending', attempts, error, nextAttemptAt],
  })
}
