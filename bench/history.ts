import { OUTREACH_ROWS } from './events.ts'
import type { Place } from './stack.ts'

/** Rows per statement: each is a transaction, so that progress can be told. */
const CHUNK = 250_000

interface History {
  events: number
  status: 'processed' | 'pending'
  /** How many days ago the oldest arrived, and the newest. */
  days: [oldest: number, newest: number]
}

/** Puts `delivered` events into the inbox by SQL, over the benchmark's outreach rows. */
export const addHistory = async (
  { db }: Place,
  { events, status, days: [oldest, newest] }: History,
  progress: (text: string) => void,
): Promise<void> => {
  for (let from = 1; from <= events; from += CHUNK) {
    progress(`making ${status} events: ${(from - 1).toLocaleString('en')} of ${events.toLocaleString('en')}`)
    await db.query(INSERT, [from, Math.min(events, from + CHUNK - 1), events, oldest, newest, status])
  }
  progress('vacuum analyze')
  await db.query('vacuum analyze webhook_events')
}

/** The payload as long as an ordinary event's; ids and hashes scattered like real ones. */
const INSERT = `
insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, payload, status, attempts,
                            occurred_at, received_at, processed_at, next_attempt_at)
select 'sendgrid', 'history-' || md5(n::text), encode(sha256(n::text::bytea), 'hex'), 'delivered',
       'outreach:' || outreach,
       jsonb_build_object(
         'email', 'contact' || outreach || '@example.com', 'event', 'delivered', 'timestamp', extract(epoch from at)::bigint,
         'smtp-id', '<outreach_' || outreach || '@rf-send-01.com>', 'outreach_id', outreach::text, 'tls', 1,
         'sg_event_id', 'history-' || md5(n::text), 'sg_message_id', md5('mail ' || outreach) || '.recvd-7b56b9d8c-4x2lq-' || n,
         'ip', '168.245.22.14', 'response', '250 2.0.0 OK 1763990400 a1-20020 - gsmtp', 'category', '["outreach"]'::jsonb),
       $6, case $6 when 'pending' then 0 else 1 end, at, at,
       case $6 when 'pending' then null else at end, case $6 when 'pending' then at end
from generate_series($1::int, $2::int) n,
     lateral (
       select now() - interval '1 day' * ($4::float8 - ($4::float8 - $5::float8) * n / $3::int) as at,
              1 + n::bigint * 7919 % ${OUTREACH_ROWS} as outreach
     )`
