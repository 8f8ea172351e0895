import type { Transaction } from '../../db/transaction.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { Batch, ClaimedEvent, LogDetails, Misunderstanding, ProviderName } from '../provider.ts'
import { storableText } from '../storable.ts'
import type { Ending } from './events.ts'
import { nextLook } from './retry.ts'

interface LogLine {
  level: 'info' | 'warn' | 'fatal'
  message: string
  event: ClaimedEvent
  details: LogDetails
}

/** What the handlers of one transaction asked for. Logged and counted only once it is committed. */
export interface Outcome {
  lines: LogLine[]
  notifications: Notification[]
  /** Events that did not end `processed`, by row id. */
  endings: Map<string, Ending>
  /** Events that no rule understands, by row id. */
  misunderstood: Map<string, Misunderstanding>
}

/** What several batches of one transaction asked for, together. */
export const settle = (outcomes: Outcome[]): Outcome => ({
  lines: outcomes.flatMap(({ lines }) => lines),
  notifications: outcomes.flatMap(({ notifications }) => notifications),
  endings: new Map(outcomes.flatMap(({ endings }) => [...endings])),
  misunderstood: new Map(outcomes.flatMap(({ misunderstood }) => [...misunderstood])),
})

/** Characters of a cause that are logged and sent: the sender chooses its length. */
const MAX_CAUSE = 100

/** One alert per cause: a queued notification with the same key is not queued again. */
const alertOf = (
  provider: ProviderName,
  event: ClaimedEvent,
  why: Misunderstanding,
  now: Date,
): Notification => {
  const cause = storableText(why.cause, MAX_CAUSE)
  const day = why.again === 'day' ? `:${now.toISOString().slice(0, 10)}` : ''
  return {
    channel: 'slack',
    key: `${provider}:misunderstood:${why.reason}:${cause}${day}`,
    event: event.id,
    data: {
      channel: why.channel ?? 'ops',
      text: `❓ ${provider}: ${storableText(why.text, 500)}. Runbook: docs/runbooks/misunderstood.md`,
    },
  }
}

/** Builds what handlers are given for one transaction, and the record of what they asked for. */
export const createBatch = (
  provider: { name: ProviderName; waitLimit: number },
  tx: Transaction,
  now: Date,
): { batch: Batch; outcome: Outcome; ignore: (event: ClaimedEvent) => void } => {
  const outcome: Outcome = { lines: [], notifications: [], endings: new Map(), misunderstood: new Map() }
  const alerted = new Set<string>()
  const end = (event: ClaimedEvent, ending: Omit<Ending, 'id'>) => {
    outcome.endings.set(event.id, { id: event.id, ...ending })
  }
  const skip: Batch['skip'] = (event, reason, { revivable = false, details = {} } = {}) => {
    end(event, {
      status: 'skipped',
      attempts: event.attempts,
      reason: storableText(reason),
      nextAttemptAt: null,
      // The mark of "skipped for a missing row": a redelivery revives it.
      waitingSince: revivable ? (event.waitingSince ?? now) : null,
    })
    outcome.lines.push({ level: 'warn', message: reason, event, details })
  }
  const batch: Batch = {
    tx,
    now,
    log: (level, message, event, details = {}) => outcome.lines.push({ level, message, event, details }),
    notify: (notification) => outcome.notifications.push(notification),
    skip,
    misunderstood: (event, why) => {
      outcome.misunderstood.set(event.id, why)
      const details = { reason: why.reason, cause: storableText(why.cause, MAX_CAUSE) }
      outcome.lines.push({ level: 'warn', message: 'not understood', event, details })
      const alert = alertOf(provider.name, event, why, now)
      if (alerted.has(alert.key)) return
      alerted.add(alert.key)
      outcome.notifications.push(alert)
    },
    wait: (event, missing, details = {}) => {
      const waitingSince = event.waitingSince ?? now
      const nextAttemptAt = nextLook(waitingSince, now, provider.waitLimit)
      if (nextAttemptAt === null) return skip(event, missing, { revivable: true, details })
      // Waiting is no attempt.
      end(event, {
        status: 'pending',
        attempts: event.attempts - 1,
        reason: null,
        nextAttemptAt,
        waitingSince,
      })
    },
  }
  const ignore = (event: ClaimedEvent) =>
    end(event, {
      status: 'ignored',
      attempts: event.attempts,
      reason: null,
      nextAttemptAt: null,
      waitingSince: event.waitingSince,
    })
  return { batch, outcome, ignore }
}
