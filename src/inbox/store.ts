import type pg from 'pg'
import type { IncomingEvent, ProviderName } from './provider.ts'

/** How an event enters the inbox: to be processed, or with its end already known. */
export interface NewRow {
  event: IncomingEvent
  status: 'pending' | 'ignored' | 'skipped'
  receivedAt: Date
}

/** One parameter whatever the number of rows: as JSON it costs the service and Postgres the least. */
const INSERT = `
insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, payload, status, last_error,
                            occurred_at, received_at, processed_at, next_attempt_at)
select $1, event_id, dedupe_key, event_type, subject, payload, status, last_error, occurred_at, received_at,
       case status when 'ignored' then received_at end, case status when 'pending' then received_at end
from json_to_recordset($2::json) as row(event_id text, dedupe_key text, event_type text, subject text, payload jsonb,
                                        status text, last_error text, occurred_at timestamptz, received_at timestamptz)
on conflict do nothing
returning dedupe_key`

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
): Promise<Set<string>> => {
  // One order everywhere, so that two inserts of the same events wait for each other and never deadlock.
  const sorted = rows.toSorted((a, b) => (a.event.dedupeKey < b.event.dedupeKey ? -1 : 1))
  const { rows: inserted } = await pool.query<{ dedupe_key: string }>({
    name: 'inbox_insert',
    text: INSERT,
    values: [provider, `[${sorted.map(toJson).join()}]`],
  })
  return new Set(inserted.map((row) => row.dedupe_key))
}

/** The payload is JSON text already and is put in as it is. */
const toJson = ({ event, status, receivedAt }: NewRow): string =>
  `{"event_id":${JSON.stringify(event.eventId)},"dedupe_key":"${event.dedupeKey}",` +
  `"event_type":${JSON.stringify(event.eventType)},"subject":${JSON.stringify(event.subject)},` +
  `"status":"${status}","last_error":${JSON.stringify(event.unusable ?? null)},` +
  `"occurred_at":"${event.occurredAt.toISOString()}","received_at":"${receivedAt.toISOString()}",` +
  `"payload":${event.payload}}`

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
