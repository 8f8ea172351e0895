import type { Service } from '../service.ts'

/**
 * Fills the inbox by SQL: `count` SendGrid events of eight types spread over 90 days, nearly all of them processed,
 * with a Stripe event in every thousand, a dead one in every two thousand and a few that are pending.
 */
export const fillInbox = async (service: Service, count: number): Promise<void> => {
  await service.rows(
    `insert into webhook_events (provider, event_id, dedupe_key, event_type, subject, payload, status, attempts, last_error,
                                 occurred_at, received_at, processed_at, next_attempt_at)
     select case when stripe then 'stripe' else 'sendgrid' end, 'filled-' || n, 'filled-' || n,
            case when stripe then 'invoice.paid'
                 else (array['processed','delivered','open','click','deferred','bounce','dropped','unsubscribe'])[1 + n % 8] end,
            case when stripe then 'customer:cus_' || n % 100 else 'outreach:' || n % 20000 end,
            '{"filled": true}', status, 1, case status when 'dead' then 'poisoned' end,
            at, at, case status when 'processed' then at end, case status when 'pending' then at end
     from (
       select n, n % 1000 = 0 as stripe, now() - (($1::int - n) * interval '90 days' / $1::int) as at,
              case when n % 2000 = 1 then 'dead' when n % 8 in (0, 2) then 'ignored' when n % 50021 = 3 then 'pending'
                   else 'processed' end as status
       from generate_series(1, $1::int) n
     ) filled`,
    count,
  )
  await service.rows('vacuum analyze webhook_events')
}

/** The plan of a query, as text. */
export const planOf = async (
  service: Service,
  query: { text: string; values: unknown[] },
): Promise<string> => {
  const rows = await service.rows(`explain (analyze, buffers) ${query.text}`, ...query.values)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}
