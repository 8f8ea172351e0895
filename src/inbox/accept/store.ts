import type pg from 'pg'
import type { webhookEvents } from '../../db/schema.ts'
import type { IncomingEvent, ProviderName } from '../provider.ts'

/** How an event came: signed by its provider, or fetched with our key to its API. */
export type EventSource = (typeof webhookEvents.$inferSelect)['source']

/** How an event enters the inbox: to be processed, or with its end already known. */
export interface NewRow {
  event: IncomingEvent
  status: 'pending' | 'ignored' | 'skipped'
  receivedAt: Date
}

/**
 * A parameter per column, whatever the number of rows, and one row as the answer: the new keys are told only when there
 * are fewer than rows. What senders choose are arrays; what is made here needs no escaping and is joined, which costs
 * both sides less, most of all for payloads.
 */
const INSERT = `
with inserted as (
  insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, payload, status, last_error,
                              occurred_at, received_at, processed_at, next_attempt_at, source)
  select $1, event_id, dedupe_key, event_type, subject, payload::jsonb, status, last_error, to_timestamp(occurred_at),
         to_timestamp(received_at), case status when 'ignored' then to_timestamp(received_at) end,
         case status when 'pending' then to_timestamp(received_at) end, $12
  from unnest($2::text[], string_to_array($3, E'\\x1f'), $4::text[], $5::text[], string_to_array($6, E'\\x1f'),
              string_to_array($7, E'\\x1f'), $8::text[], $9::float8[], $10::float8[])
       as row(event_id, dedupe_key, event_type, subject, payload, status, last_error, occurred_at, received_at)
  on conflict do nothing
  returning dedupe_key
)
select case when count(*) < $11 then coalesce(array_agg(dedupe_key), '{}') end as keys from inserted`
/** JSON text cannot hold it: control characters are escaped there. */
const SEPARATOR = '\x1f'

/** In Postgres's notation. `pg` writes it as well, but member by member, with ten times the garbage. */
const arrayOf = (values: (string | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`)).join()}}`

/**
 * Stores new events in one statement; resolves once they are committed. Events that are there already are left
 * alone.
 *
 * @returns the dedupe keys of the rows that are new.
 */
export const insertRows = async (
  pool: pg.Pool,
  provider: ProviderName,
  rows: NewRow[],
  source: EventSource = 'delivery',
): Promise<Set<string>> => {
  // One order everywhere, so that two inserts of the same events wait for each other and never deadlock.
  const sorted = rows.toSorted((a, b) => (a.event.dedupeKey < b.event.dedupeKey ? -1 : 1))
  const keys = sorted.map(({ event }) => event.dedupeKey)
  const { rows: answer } = await pool.query<{ keys: string[] | null }>({
    name: 'inbox_insert',
    text: INSERT,
    values: [
      provider,
      arrayOf(sorted.map(({ event }) => event.eventId)),
      keys.join(SEPARATOR),
      arrayOf(sorted.map(({ event }) => event.eventType)),
      arrayOf(sorted.map(({ event }) => event.subject)),
      sorted.map(({ event }) => event.payload).join(SEPARATOR),
      sorted.map(({ status }) => status).join(SEPARATOR),
      arrayOf(sorted.map(({ event }) => event.unusable ?? null)),
      `{${sorted.map(({ event }) => event.occurredAt.getTime() / 1_000).join()}}`,
      `{${sorted.map(({ receivedAt }) => receivedAt.getTime() / 1_000).join()}}`,
      rows.length,
      source,
    ],
  })
  return new Set(answer[0]?.keys ?? keys)
}

/** What the inbox already holds of an event. */
export interface StoredEvent {
  eventId: string
  dedupeKey: string
  /** Null while it is not processed. */
  processedAt: Date | null
  revived: boolean
}

/**
 * A redelivery gives a dead event, or one skipped for a missing row, another life. The snapshot of this
 * statement is newer than the insert's, so it sees the rows that the insert met.
 */
const LOOK_UP = `
with seen as (
  select id, event_id, dedupe_key, status, processed_at, waiting_since
  from webhook_events
  where provider = $1 and (event_id = any($2::text[]) or dedupe_key = any($3::text[]))
), revived as (
  update webhook_events e
  set status = 'pending', attempts = 0, waiting_since = null, next_attempt_at = $4
  from seen
  where e.id = seen.id and e.status in ('dead', 'skipped')
    and (e.status = 'dead' or e.waiting_since is not null)
  returning e.id
)
select event_id, dedupe_key, status, processed_at, exists (select from revived where revived.id = seen.id) as revived
from seen`

/** Finds events by either key and revives those that a redelivery revives. */
export const lookUp = async (
  pool: pg.Pool,
  provider: ProviderName,
  events: IncomingEvent[],
  now: Date,
): Promise<StoredEvent[]> => {
  const { rows } = await pool.query({
    name: 'inbox_look_up',
    text: LOOK_UP,
    values: [provider, events.map((event) => event.eventId), events.map((event) => event.dedupeKey), now],
  })
  return rows.map((row) => ({
    eventId: row.event_id,
    dedupeKey: row.dedupe_key,
    processedAt: row.status === 'processed' || row.status === 'ignored' ? row.processed_at : null,
    revived: row.revived,
  }))
}
