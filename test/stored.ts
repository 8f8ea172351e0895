import type pg from 'pg'

/** An event as it lies in the inbox, with a delivery of its own. */
export interface StoredEvent {
  provider?: string
  eventId: string
  eventType?: string
  source?: 'delivery' | 'catch-up'
  subject?: string | null
  payload: unknown
  status?: string
  attempts?: number
  lastError?: string | null
  occurredAt?: Date
  receivedAt?: Date
  processedAt?: Date | null
  nextAttemptAt?: Date | null
}

/** Puts events into the inbox as if they had come. @returns their row ids, in order. */
export const storeEvents = async (db: pg.Pool, events: StoredEvent[]): Promise<string[]> => {
  const rows = events.map((event) => {
    const { provider = 'sendgrid', receivedAt = new Date(), payload } = event
    return {
      provider,
      event_id: event.eventId,
      event_type: event.eventType ?? 'click',
      source: event.source ?? 'delivery',
      subject: event.subject ?? null,
      body: JSON.stringify(provider === 'sendgrid' ? [payload] : payload),
      status: event.status ?? 'pending',
      attempts: event.attempts ?? 0,
      last_error: event.lastError ?? null,
      occurred_at: event.occurredAt ?? receivedAt,
      received_at: receivedAt,
      processed_at: event.processedAt ?? null,
      next_attempt_at:
        event.nextAttemptAt ?? (event.status === undefined || event.status === 'pending' ? receivedAt : null),
    }
  })
  const { rows: stored } = await db.query<{ id: string }>(
    `with given as materialized (
       select nextval('webhook_deliveries_id_seq') as delivery_id, * from json_to_recordset($1::json)
         as row(provider text, event_id text, event_type text, subject text, body text, status text, attempts int,
                last_error text, source text, occurred_at timestamptz, received_at timestamptz, processed_at timestamptz, next_attempt_at timestamptz)
     ), delivery as (
       insert into webhook_deliveries (id, received_at, provider, event_count, body)
       select delivery_id, received_at, provider, 1, convert_to(body, 'UTF8') from given
     )
     insert into webhook_events (provider, event_id, event_type, subject, delivery_id, position, status, attempts,
                                 last_error, source, occurred_at, received_at, processed_at, next_attempt_at)
     select provider, event_id, event_type, subject, delivery_id, 0, status, attempts, last_error, source,
            occurred_at, received_at, processed_at, next_attempt_at
     from given order by delivery_id returning id`,
    [JSON.stringify(rows)],
  )
  return stored.map(({ id }) => id)
}
