import { savePosted } from './posted-alert.ts'
import { PermanentError, type Send, type SenderOptions } from './send.ts'
import { createSlackClient } from './slack-client.ts'

/** Answers of Slack that another try will not change. */
const PERMANENT = new Set([
  'channel_not_found',
  'is_archived',
  'not_in_channel',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'no_text',
])

/** Alerts through `chat.postMessage`. The queue retries, so the client does not. */
export const createSlack = ({ config, log, pool }: SenderOptions): Send<'slack'> => {
  const slack = createSlackClient(config, (message) => log.debug({ channel: 'slack' }, message))
  if (slack === undefined) return async () => 'not_configured'
  return async ({ channel, text }, _signal, { key, alert }) => {
    try {
      const { channel: slackChannel, ts: slackTs } = await slack.post(channel, text)
      if (alert !== undefined) {
        const startedAt = new Date()
        await savePosted(pool, {
          ...alert,
          key,
          cause: key,
          text,
          channel,
          startedAt,
          slackChannel,
          slackTs,
          told: text,
        })
      }
      return 'sent'
    } catch (error) {
      const reason = (error as { data?: { error?: unknown } }).data?.error
      if (typeof reason === 'string' && PERMANENT.has(reason)) {
        throw new PermanentError(`Slack refuses the message: ${reason}`, { cause: error })
      }
      throw error
    }
  }
}
