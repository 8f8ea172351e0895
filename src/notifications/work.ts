import type { Job, PgBoss } from 'pg-boss'
import type { Metrics } from '../plugins/metrics.ts'
import {
  type Channel,
  DEAD_LETTERS,
  type NotificationEnding,
  type NotificationJob,
  queueName,
} from './queues.ts'
import { PermanentError, type Send, type SenderOptions } from './send.ts'
import { createSlack } from './slack.ts'

/** Starts a worker for every channel. */
export const workOff = async (boss: PgBoss, options: SenderOptions & { metrics: Metrics }): Promise<void> => {
  const { metrics, log } = options

  const work = async <C extends Channel>(channel: C, send: Send<C>): Promise<void> => {
    const handle = async ([job]: Job<NotificationJob<C>>[]): Promise<NotificationEnding | undefined> => {
      if (job === undefined) return undefined
      const line = { channel, key: job.data.key }
      try {
        const result = await send(job.data.data, job.signal)
        metrics.count('notifications', 1, { channel, status: 'success' })
        log.info(
          line,
          result === 'sent'
            ? 'notification sent'
            : 'notification would have been sent: its channel is not configured',
        )
        return { ending: result }
      } catch (error) {
        metrics.count('notifications', 1, { channel, status: 'error' })
        log.warn({ ...line, err: error }, 'notification failed')
        if (error instanceof PermanentError) return await giveUp(channel, job, error)
        throw error
      }
    }
    // A retry is not announced by NOTIFY: the poll has to find it.
    await boss.work<NotificationJob<C>>(
      queueName(channel),
      { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1, localConcurrency: 4 },
      handle,
    )
  }

  /** Straight to the dead letters: a refusal that will not change is not worth twelve tries. */
  const giveUp = async <C extends Channel>(
    channel: C,
    job: Job<NotificationJob<C>>,
    error: Error,
  ): Promise<NotificationEnding> => {
    log.error({ channel, key: job.data.key, err: error }, 'notification given up')
    await boss.send(DEAD_LETTERS, { ...job.data, channel, error: error.message })
    return { ending: 'given_up', error: error.message }
  }

  await work('slack', createSlack(options))
}
