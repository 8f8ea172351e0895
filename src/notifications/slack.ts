import { WebClient } from '@slack/web-api'
import { PermanentError, type Send, type SenderOptions } from './send.ts'

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
export const createSlack = ({ config, log }: SenderOptions): Send<'slack'> => {
  const channels = {
    deliverability: config.SLACK_CHANNEL_DELIVERABILITY,
    billing: config.SLACK_CHANNEL_BILLING,
    ops: config.SLACK_CHANNEL_OPS,
  }
  if (config.SLACK_BOT_TOKEN === undefined) return async () => 'not_configured'
  const slack = new WebClient(config.SLACK_BOT_TOKEN, {
    ...(config.SLACK_API_URL === undefined ? {} : { slackApiUrl: config.SLACK_API_URL }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 5_000,
    logger: {
      debug: () => {},
      info: () => {},
      warn: (...message: unknown[]) => log.debug({ channel: 'slack' }, String(message[0])),
      error: (...message: unknown[]) => log.debug({ channel: 'slack' }, String(message[0])),
      setLevel: () => {},
      getLevel: () => 'warn' as never,
      setName: () => {},
    },
  })
  return async ({ channel, text }) => {
    try {
      await slack.chat.postMessage({ channel: channels[channel], text: escaped(text) })
      return 'sent'
    } catch (error) {
      const reason = (error as { data?: { error?: unknown } }).data?.error
      if (typeof reason === 'string' && PERMANENT.has(reason)) {
        throw new PermanentError(`Slack refuses: ${reason}`, { cause: error })
      }
      throw error
    }
  }
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
/** What Slack would take for a link, or for a call to everybody in the channel; an e-mail address can hold it. */
const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? '')
