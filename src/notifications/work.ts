import type { Job, PgBoss } from 'pg-boss'
import type { Metrics } from '../metrics.ts'
import type { Trouble } from '../trouble.ts'
import { createEmail } from './email.ts'
import { createPush } from './push.ts'
import { type Channel, DEAD_LETTERS, PUSH_DELIVERIES, queueName } from './queue-names.ts'
import type { NotificationEnding, NotificationJob } from './queues.ts'
import { PermanentError, type SenderOptions, type Sent } from './send.ts'
import { createSlack } from './slack.ts'

/** Log lines a minute for failed tries of one channel; one further line counts the rest. */
const FAILURES_LOGGED = 20

type SendJob<Data> = (data: Data, signal: AbortSignal, job: NotificationJob<Data>) => Promise<Sent>

/** Starts a worker for every channel. */
export const workOff = async (
  boss: PgBoss,
  options: SenderOptions & { metrics: Metrics; trouble: Trouble },
): Promise<void> => {
  const { metrics, log, trouble } = options

  const work = async <Data extends object>(
    queue: string,
    channel: Channel,
    send: SendJob<Data>,
  ): Promise<void> => {
    const handle = async ([job]: Job<NotificationJob<Data>>[]): Promise<NotificationEnding | undefined> => {
      if (job === undefined) return undefined
      const line = { channel, key: job.data.key }
      try {
        const result = await send(job.data.data, job.signal, job.data)
        if (result !== 'passed_on') metrics.count('notifications', 1, { channel, status: 'success' })
        log.info(line, OUTCOMES[result])
        return { ending: result === 'passed_on' ? 'sent' : result }
      } catch (error) {
        metrics.count('notifications', 1, { channel, status: 'error' })
        trouble.report({ ...line, err: error }, 'notification failed', {
          of: channel,
          first: FAILURES_LOGGED,
        })
        if (error instanceof PermanentError) return await giveUp(channel, job, error)
        throw error
      }
    }
    // A retry is not announced by NOTIFY: the poll has to find it.
    await boss.work<NotificationJob<Data>>(
      queue,
      { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1, localConcurrency: 4 },
      handle,
    )
  }

  /** Straight to the dead letters, since trying again would not help. */
  const giveUp = async (
    channel: Channel,
    job: Job<NotificationJob>,
    error: Error,
  ): Promise<NotificationEnding> => {
    log.error({ channel, key: job.data.key, err: error }, 'notification given up')
    await boss.send(DEAD_LETTERS, { ...job.data, channel, error: error.message })
    return { ending: 'given_up', error: error.message }
  }
  const push = createPush({ ...options, boss })
  await work(queueName('slack'), 'slack', createSlack(options))
  await work(queueName('push'), 'push', push.spread)
  await work(PUSH_DELIVERIES, 'push', push.deliver)
  await work(queueName('email'), 'email', createEmail(options))
}

const OUTCOMES = {
  sent: 'notification sent',
  passed_on: 'notification passed on',
  not_configured: 'notification would have been sent: its channel is not configured',
} as const satisfies Record<Sent, string>
