import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { alerts } from '../db/schema.ts'
import type { Alert } from './alert.ts'

/** Keeps where Slack has the message of an alert that was requested where it happened. */
export const savePosted = async (
  pool: pg.Pool,
  alert: Omit<Alert, 'endedAt' | 'lineAt' | 'lastAt' | 'count'>,
): Promise<void> => {
  const { slackChannel, slackTs, told } = alert
  await queryBuilder(pool)
    .insert(alerts)
    .values({ ...alert, lastAt: alert.startedAt, count: 1 })
    .onConflictDoUpdate({ target: alerts.key, set: { slackChannel, slackTs, told } })
}
