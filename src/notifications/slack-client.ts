import { ErrorCode, WebClient } from '@slack/web-api'
import type { Config } from '../config.ts'
import type { NotificationData } from './queues.ts'

type Channel = NotificationData['slack']['channel']

/** Where Slack keeps a message. */
interface PostedMessage {
  channel: string
  ts: string
}

/** Slack's API, as far as it is used here. */
export interface SlackClient {
  post: (channel: Channel, text: string) => Promise<PostedMessage>
  edit: (channel: string, ts: string, text: string) => Promise<void>
}

/**
 * `chat.postMessage` and `chat.update`, without retries of its own: the caller tries again.
 * @returns undefined when there is no token.
 */
export const createSlackClient = (
  config: Config,
  debug: (message: string) => void = () => {},
): SlackClient | undefined => {
  if (config.SLACK_BOT_TOKEN === undefined) return undefined
  const channels: Record<Channel, string> = {
    deliverability: config.SLACK_CHANNEL_DELIVERABILITY,
    billing: config.SLACK_CHANNEL_BILLING,
    ops: config.SLACK_CHANNEL_OPS,
  }
  const slack = new WebClient(config.SLACK_BOT_TOKEN, {
    ...(config.SLACK_API_URL === undefined ? {} : { slackApiUrl: config.SLACK_API_URL }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 5_000,
    logger: {
      debug: () => {},
      info: () => {},
      warn: (...message: unknown[]) => debug(String(message[0])),
      error: (...message: unknown[]) => debug(String(message[0])),
      setLevel: () => {},
      getLevel: () => 'warn' as never,
      setName: () => {},
    },
  })
  return {
    post: async (channel, text) => {
      const posted = await slack.chat.postMessage({ channel: channels[channel], text: escaped(text) })
      return { channel: posted.channel ?? channels[channel], ts: posted.ts ?? '' }
    },
    edit: async (channel, ts, text) => {
      await slack.chat.update({ channel, ts, text: escaped(text) })
    },
  }
}

/** Whether Slack answered that it refuses this call, so that another call may still work. */
export const isRefused = (error: unknown): boolean => {
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code === ErrorCode.PlatformError) return true
  return code === ErrorCode.HTTPError && statusCode !== undefined && statusCode >= 400 && statusCode < 500
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
/** What Slack would take for a link, or for a call to everybody in the channel; an e-mail address can hold it. */
const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? '')
