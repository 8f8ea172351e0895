import { sql } from 'drizzle-orm'
import { webhookEvents } from '../db/schema.ts'
import { toStatement } from '../db/statement.ts'
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
    const { rows } = await pool.query(summary(new Date(now.getTime() - DAY), now))
    return rows
  },
}

const { id, provider, status, receivedAt } = webhookEvents

/** `oldestPendingSeconds` is the age of the oldest event that is not yet processed, whether due or waiting. */
const summary = (since: Date, now: Date) =>
  toStatement(sql`
with arrived as (
  select ${provider} as provider, ${status} as status, count(*) as events
  from ${webhookEvents} where ${receivedAt} >= ${since} group by 1, 2
), pending as (
  select ${provider} as provider, count(*) as events, min(${receivedAt}) as oldest
  from ${webhookEvents} where ${status} = 'pending' group by 1
), dead_letters as (
  select ${provider} as provider, count(*) as notifications
  from pgboss.job j join ${webhookEvents} on ${id} = (j.data ->> 'event')::bigint
  where j.name = ${DEAD_LETTERS} and j.created_on >= ${since} group by 1
)
select p.provider,
       coalesce(sum(a.events), 0)::int as accepted,
       coalesce(sum(a.events) filter (where a.status = 'processed'), 0)::int as processed,
       coalesce(sum(a.events) filter (where a.status = 'ignored'), 0)::int as ignored,
       coalesce(sum(a.events) filter (where a.status = 'skipped'), 0)::int as skipped,
       coalesce(sum(a.events) filter (where a.status = 'dead'), 0)::int as dead,
       coalesce(max(w.events), 0)::int as pending,
       extract(epoch from ${now}::timestamptz - max(w.oldest))::int as "oldestPendingSeconds",
       coalesce(max(d.notifications), 0)::int as "notificationsDead"
from unnest(${sql.param(PROVIDER_NAMES)}::text[]) as p(provider)
left join arrived a using (provider) left join pending w using (provider) left join dead_letters d using (provider)
group by p.provider order by p.provider`)
