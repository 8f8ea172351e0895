import type pg from 'pg'
import { type Alert, messageOf } from '../notifications/alert.ts'
import { isRefused, type SlackClient } from '../notifications/slack-client.ts'
import { saveTold } from './store.ts'

const HOUR = 3_600_000

/**
 * Brings an alert's message up to date: one message per cause, which is edited. When Slack refuses to edit it, one new
 * line an hour gives the current state, and a last one says that it is over.
 * @returns whether anything was posted.
 */
export const tell = async (pool: pg.Pool, slack: SlackClient, alert: Alert, now: Date): Promise<boolean> => {
  const { key, channel, slackChannel, slackTs, told, lineAt, endedAt } = alert
  const message = messageOf(alert)
  if (message === told) return false
  if (slackTs === null || slackChannel === null) {
    const posted = await slack.post(channel, message)
    await saveTold(pool, key, { slackChannel: posted.channel, slackTs: posted.ts, told: message })
    return true
  }
  try {
    await slack.edit(slackChannel, slackTs, message)
  } catch (error) {
    if (!isRefused(error)) throw error
    const due = endedAt !== null || (lineAt ?? alert.startedAt).getTime() <= now.getTime() - HOUR
    if (!due) return false
    await slack.post(channel, message)
    await saveTold(pool, key, { told: message, lineAt: now })
    return true
  }
  await saveTold(pool, key, { told: message })
  return true
}
