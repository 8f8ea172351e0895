import type pg from 'pg'
import type { EventFilter } from '../src/operations/matching.ts'

type Connection = Pick<pg.ClientBase, 'query'>

/** Events that came together. */
const PER_DELIVERY = 50

/**
 * Fills the inbox by SQL: `count` SendGrid events of eight types spread over 90 days, nearly all of them processed,
 * with a Stripe event in every thousand, a dead one in every two thousand and a few that are pending. Deliveries older
 * than 30 days are gone but for what is still needed, as retention leaves it.
 */
export const fillInbox = async (connection: Connection, count: number): Promise<void> => {
  await connection.query(
    `select webhook_make_days((now() at time zone 'UTC')::date - n, 0) from generate_series(0, 31) n`,
  )
  const rebuild = await takeIndexes(connection, 'webhook_events')
  await connection.query(
    `create temp table filled as
     select n, n / ${PER_DELIVERY} + 1 as delivery, n % ${PER_DELIVERY} as position, n % 1000 = 0 as stripe,
            now() - (($1::int - n / ${PER_DELIVERY} * ${PER_DELIVERY}) * interval '90 days' / $1::int) as at,
            case when n % 2000 = 1 then 'dead' when n % 8 in (0, 2) then 'ignored' when n % 50021 = 3 then 'pending'
                 else 'processed' end as status, $1::int / 10 as outreach
     from generate_series(1, $1::int) n`,
    [count],
  )
  await connection.query(
    `insert into webhook_deliveries (id, received_at, provider, event_count, body)
     select delivery, at, 'sendgrid', count(*), convert_to(json_agg(json_build_object(
              'email', 'contact' || n % outreach / 5 || '@example.com', 'event', 'filled', 'sg_event_id', 'filled-' || n,
              'sg_message_id', md5(n::text) || '.filterdrecv-5b9c', 'ip', '198.51.100.4',
              'timestamp', extract(epoch from at)::bigint, 'response', '250 2.0.0 OK', 'outreach_id', n % outreach)
              order by position)::text, 'UTF8')
     from filled group by delivery, at
     having at > now() - interval '30 days' or bool_or(status in ('dead', 'pending'))`,
  )
  await connection.query(
    `insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, delivery_id, position, status, attempts,
                                 last_error, occurred_at, received_at, processed_at, next_attempt_at)
     select case when stripe then 'stripe' else 'sendgrid' end, 'filled-' || n, md5(n::text) || md5((-n)::text),
            case when stripe then 'invoice.paid'
                 else (array['processed','delivered','open','click','deferred','bounce','dropped','unsubscribe'])[1 + n % 8] end,
            case when stripe then 'customer:cus_' || n % 100 else 'outreach:' || n % outreach end, delivery, position,
            status, 1, case status when 'dead' then 'poisoned' end,
            at, at, case status when 'processed' then at end, case status when 'pending' then at end
     from filled`,
  )
  await connection.query(
    `drop table filled; select setval('webhook_deliveries_id_seq', (select max(id) from webhook_deliveries))`,
  )
  for (const statement of rebuild) await connection.query(statement)
  await connection.query('vacuum analyze webhook_events, webhook_deliveries')
}

/**
 * Fills the tables around such an inbox: an outreach for ten events, a contact for five outreach, a user for a
 * hundred, a mailbox for a thousand, with replies, incidents, counts per minute, notifications and replays.
 */
export const fillAround = async (connection: Connection, events: number): Promise<void> => {
  const outreach = events / 10
  const fill = (sql: string, ...values: unknown[]) => connection.query(sql, values)
  await fill(
    `insert into users (email, stripe_customer_id)
     select 'user' || n || '@example.com', 'cus_' || n from generate_series(1, $1::int) n`,
    outreach / 100,
  )
  await fill(
    `insert into applications (user_id) select 1 + n % $2::int from generate_series(0, $1::int - 1) n`,
    outreach / 5,
    outreach / 100,
  )
  await fill(
    `insert into contacts (email, first_name) select 'contact' || n || '@example.com', 'Ana' from generate_series(1, $1::int) n`,
    outreach / 5,
  )
  await fill(
    `insert into mailboxes (email, bounce_count_7d) select 'box' || n || '@rf-send-01.com', n % 30 from generate_series(1, $1::int) n`,
    outreach / 1_000,
  )
  await fill(
    `insert into outreach (application_id, contact_id, from_mailbox, message_id, status, sent_at)
     select 1 + n % $2::int, 1 + n % $2::int, 'box' || 1 + n % $3::int || '@rf-send-01.com', '<outreach_' || n || '@rf-send-01.com>',
            'delivered', now() - n * interval '90 days' / $1::int
     from generate_series(1, $1::int) n`,
    outreach,
    outreach / 5,
    outreach / 1_000,
  )
  await fill(
    `insert into inbound_messages (outreach_id, from_email, recipient, subject, body_text, kind, matched_by, received_at)
     select n, 'contact' || n || '@example.com', 'box' || 1 + n % $2::int || '@rf-send-01.com', 'Re: Your opening',
            repeat('Thank you. ', 20), 'reply', 'thread', now() - n * interval '400 days' / $1::int
     from generate_series(1, $1::int) n`,
    outreach / 5,
    outreach / 1_000,
  )
  await fill(
    `insert into mailbox_incidents (mailbox_id, kind, arrived_at)
     select 1 + n % $2::int, case n % 20 when 0 then 'spam' else 'bounce' end, now() - n * interval '9 days' / $1::int
     from generate_series(1, $1::int) n`,
    outreach / 5,
    outreach / 1_000,
  )
  await fill(
    `insert into minute_counts (minute, provider, outcome, reason, count)
     select date_trunc('minute', now()) - n * interval '1 minute', provider, outcome, '', 1 + n % 50
     from generate_series(0, 8 * 1440) n, unnest(array['sendgrid','stripe','mailgun']) provider,
          unnest(array['processed','ignored','failed','duplicate','refused']) outcome`,
  )
  const some = events / 100
  await fill(
    `insert into operator_actions (event_row_id, action, reason, operator, via, acted_at, status_before, due_at)
     select n, 'replay', 'filled', 'filled', 'console', now() - interval '1 day', 'dead', now() - interval '1 day'
     from generate_series(1, $1::int) n`,
    some,
  )
  await fill(
    `insert into event_notifications (event_id, job_id, channel, key)
     select n, gen_random_uuid(), 'slack', 'filled:' || n from generate_series(1, $1::int) n`,
    some,
  )
  await fill(
    `insert into pgboss.job (id, name, data, state, completed_on, created_on)
     select job_id, 'notify-slack', jsonb_build_object('key', key, 'event', event_id), 'completed', now(), now()
     from event_notifications`,
  )
  await connection.query('vacuum analyze')
}

/** Drops a table's indexes but its primary key. @returns the statements that make them again, in one go each. */
export const takeIndexes = async (connection: Connection, table: string): Promise<string[]> => {
  const constraints = await connection.query<{ name: string; definition: string }>(
    `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
     where conrelid = $1::regclass and contype = 'u'`,
    [table],
  )
  for (const { name } of constraints.rows)
    await connection.query(`alter table ${table} drop constraint ${name}`)
  const indexes = await connection.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
     where indrelid = $1::regclass and not indisprimary`,
    [table],
  )
  for (const { name } of indexes.rows) await connection.query(`drop index ${name}`)
  return [
    ...constraints.rows.map(
      ({ name, definition }) => `alter table ${table} add constraint ${name} ${definition}`,
    ),
    ...indexes.rows.map(({ definition }) => definition),
  ]
}

const DAY = 86_400_000
export const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY)

/** What operators ask of an inbox filled so, and how much each finds. */
export const FILTERS: [what: string, filter: EventFilter][] = [
  ['no filter', {}],
  ['a provider with nearly all events', { provider: 'sendgrid' }],
  ['a provider with few events', { provider: 'stripe' }],
  ['a provider without any', { provider: 'mailgun' }],
  ['a type', { type: 'bounce' }],
  ['a type that never came', { type: 'invoice.payment_failed' }],
  ['the dead', { status: 'dead' }],
  ['the pending', { status: 'pending' }],
  ['a time long ago', { since: daysAgo(60), until: daysAgo(59) }],
  ['a time before all events', { until: daysAgo(400) }],
  ['all of it', { provider: 'sendgrid', type: 'click', status: 'processed', since: daysAgo(1) }],
]
