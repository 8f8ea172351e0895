import { storableText } from '../../db/storable.ts'
import type { Transaction } from '../../db/transaction.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { Batch, ClaimedEvent, LogDetails, Misunderstanding } from '../provider.ts'
import { type Ending, endingOf } from './events.ts'
import { nextLook } from './retry.ts'

interface LogLine {
  level: 'info' | 'warn' | 'fatal'
  message: string
  event: ClaimedEvent
  details: LogDetails
}

/** An event, and why no rule understands it. */
export interface MisunderstoodEvent {
  event: ClaimedEvent
  why: Misunderstanding
}

/** What the handlers of one transaction asked for. Logged and counted only once it is committed. */
export interface Outcome {
  lines: LogLine[]
  /** Lines of which only one a minute is logged, with a count. */
  counted: { message: string; event: ClaimedEvent }[]
  notifications: Notification[]
  /** Events that did not end `processed`, by row id. */
  endings: Map<string, Ending>
  misunderstood: MisunderstoodEvent[]
}

/** What several batches of one transaction asked for, together. */
export const settle = (outcomes: Outcome[]): Outcome => ({
  lines: outcomes.flatMap(({ lines }) => lines),
  counted: outcomes.flatMap(({ counted }) => counted),
  notifications: outcomes.flatMap(({ notifications }) => notifications),
  endings: new Map(outcomes.flatMap(({ endings }) => [...endings])),
  misunderstood: outcomes.flatMap(({ misunderstood }) => misunderstood),
})

const isForOps = ({ channel, data }: Notification): boolean =>
  channel === 'slack' && 'channel' in data && data.channel === 'ops'

/**
 * Builds what handlers are given for one transaction, and the record of what they asked for.
 * @param oldNews row ids of the events that are too old to alert about.
 */
export const createBatch = (
  provider: { name: string; waitLimit: number },
  tx: Transaction,
  now: Date,
  oldNews: ReadonlySet<string | null> = new Set(),
): { batch: Batch; outcome: Outcome } => {
  const outcome: Outcome = {
    lines: [],
    counted: [],
    notifications: [],
    endings: new Map(),
    misunderstood: [],
  }
  const end = (...[event, ...how]: Parameters<typeof endingOf>) => {
    outcome.endings.set(event.rowId, endingOf(event, ...how))
  }
  const skip: Batch['skip'] = (event, reason, { revivable = false, details = {}, counted = false } = {}) => {
    // The mark of "skipped for a missing row": a redelivery revives it.
    const waitingSince = revivable ? (event.waitingSince ?? now) : null
    end(event, 'skipped', { reason: storableText(reason), waitingSince })
    if (counted) outcome.counted.push({ message: reason, event })
    else outcome.lines.push({ level: 'warn', message: reason, event, details })
  }
  const batch: Batch = {
    tx,
    now,
    log: (level, message, event, details = {}) => outcome.lines.push({ level, message, event, details }),
    notify: (notification) => {
      if (!oldNews.has(notification.event)) outcome.notifications.push(notification)
      // An alert to the ops channel is about the service, not about the fact, so it is sent for old facts too.
      else if (!isForOps(notification)) outcome.notifications.push({ ...notification, silent: true })
    },
    skip,
    ignore: (event) => end(event, 'ignored'),
    misunderstood: (event, why) => outcome.misunderstood.push({ event, why }),
    wait: (event, missing, details = {}) => {
      const waitingSince = event.waitingSince ?? now
      const nextAttemptAt = nextLook(waitingSince, now, provider.waitLimit)
      if (nextAttemptAt === null) return skip(event, missing, { revivable: true, details })
      // Waiting does not count as an attempt.
      end(event, 'pending', { attempts: event.attempts - 1, nextAttemptAt, waitingSince })
    },
  }
  return { batch, outcome }
}
