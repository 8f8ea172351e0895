import { OUTREACH_ROWS } from './events.ts'
import type { Place } from './stack.ts'

/** Rows per statement: each is a transaction, so that progress can be shown. */
const CHUNK = 250_000

interface History {
  events: number
  /** `queued`: deliveries whose events are not written yet. */
  status: 'processed' | 'queued'
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
    await db.query(DAYS, [Math.ceil(oldest)])
    const insert = status === 'queued' ? INSERT_QUEUED : INSERT_PROCESSED
    await db.query(insert, [from, Math.min(events, from + CHUNK - 1), events, oldest, newest])
  }
  progress('vacuum analyze')
  await db.query('vacuum analyze webhook_events, webhook_queue, webhook_deliveries')
}

/** Events that came in one delivery, a divisor of {@link CHUNK}. */
const PER_DELIVERY = 50

const DAYS = `select webhook_make_days((now() at time zone 'UTC')::date - n, 0) from generate_series(0, $1::int) n`

/** Payloads as long as an ordinary event's; ids and hashes scattered like real ones. */
const DELIVERIES = `
with made as materialized (
  select n, at, outreach, (n - 1) / ${PER_DELIVERY} as delivery, (n - 1) % ${PER_DELIVERY} as position
  from generate_series($1::int, $2::int) n,
       lateral (
         select date_trunc('milliseconds', now() - interval '1 day' * ($4::float8 - ($4::float8 - $5::float8) * ((n - 1) / ${PER_DELIVERY} * ${PER_DELIVERY}) / $3::int)) as at,
                1 + n::bigint * 7919 % ${OUTREACH_ROWS} as outreach
       )
), ids as materialized (
  select delivery, nextval('webhook_deliveries_id_seq') as id from (select distinct delivery from made order by 1) one
), deliveries as (
  insert into webhook_deliveries (id, received_at, provider, event_count, body)
  select id, at, 'sendgrid', count(*), convert_to(json_agg(json_build_object(
           'email', 'contact' || outreach || '@example.com', 'event', 'delivered', 'timestamp', extract(epoch from at)::bigint,
           'smtp-id', '<outreach_' || outreach || '@rf-send-01.com>', 'outreach_id', outreach::text, 'tls', 1,
           'sg_event_id', 'history-' || md5(n::text), 'sg_message_id', md5('mail ' || outreach) || '.recvd-7b56b9d8c-4x2lq-' || n,
           'ip', '168.245.22.14', 'response', '250 2.0.0 OK 1763990400 a1-20020 - gsmtp', 'category', '["outreach"]'::json)
           order by position)::text, 'UTF8')
  from made join ids using (delivery) group by id, at
  returning id, received_at, provider, event_count, body
)`

const INSERT_QUEUED = `${DELIVERIES}
insert into webhook_queue (delivery_id, received_at, provider, event_count, body_hash)
select id, received_at, provider, event_count, sha256(body) from deliveries`

const INSERT_PROCESSED = `${DELIVERIES}
insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, delivery_id, position, status, attempts,
                            occurred_at, received_at, processed_at)
select 'sendgrid', 'history-' || md5(n::text), encode(sha256(n::text::bytea), 'hex'), 'delivered',
       'outreach:' || outreach, id, position, 'processed', 1, at, at, at
from made join ids using (delivery)`
