import { DEAD_LETTERS } from '../notifications/queue-names.ts'
import { PROVIDER_NAMES } from '../providers/index.ts'
import type { UpkeepTask } from './task.ts'

const DAY = 86_400_000

/** Tells, for each provider, what became of the events that arrived within a day, and what is stuck. */
export const dailySummary: UpkeepTask = {
  name: 'daily-summary',
  says: 'daily summary',
  cron: '0 6 * * *',
  run: async ({ pool, now }) => {
    const { rows } = await pool.query(SUMMARY, [
      PROVIDER_NAMES,
      new Date(now.getTime() - DAY),
      now,
      DEAD_LETTERS,
    ])
    return rows
  },
}

/** `oldestPendingSeconds` is the age of the oldest event that is not yet processed, whether due or waiting. */
const SUMMARY = `
with arrived as (
  select provider, status, count(*) as events from webhook_events where received_at >= $2 group by provider, status
), pending as (
  select provider, count(*) as events, min(received_at) as oldest
  from webhook_events where status = 'pending' group by provider
), dead_letters as (
  select e.provider, count(*) as notifications
  from pgboss.job j join webhook_events e on e.id = (j.data ->> 'event')::bigint
  where j.name = $4 and j.created_on >= $2 group by e.provider
)
select p.provider,
       coalesce(sum(a.events), 0)::int as accepted,
       coalesce(sum(a.events) filter (where a.status = 'processed'), 0)::int as processed,
       coalesce(sum(a.events) filter (where a.status = 'ignored'), 0)::int as ignored,
       coalesce(sum(a.events) filter (where a.status = 'skipped'), 0)::int as skipped,
       coalesce(sum(a.events) filter (where a.status = 'dead'), 0)::int as dead,
       coalesce(max(w.events), 0)::int as pending,
       extract(epoch from $3 - max(w.oldest))::int as "oldestPendingSeconds",
       coalesce(max(d.notifications), 0)::int as "notificationsDead"
from unnest($1::text[]) as p(provider)
left join arrived a using (provider) left join pending w using (provider) left join dead_letters d using (provider)
group by p.provider order by p.provider`
