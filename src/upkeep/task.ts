import type pg from 'pg'
import type { Config } from '../config.ts'
import type { Transaction } from '../db/transaction.ts'
import type { Notification } from '../notifications/queues.ts'

/** What a task works with. */
export interface UpkeepContext {
  config: Config
  /** Connections of its own; statements are ended after 10 s. */
  pool: pg.Pool
  now: Date
  /** Queues notifications in the transaction of what they tell. */
  enqueue: (tx: Transaction, notifications: Notification[]) => Promise<void>
  /** Aborted when the service stops: whatever is not begun is left to the next time. */
  signal: AbortSignal
  /** Whether senders wait for answers at this moment. */
  busy: () => boolean
}

/** What a task has to say about its run, a log line each. */
export type Report = Record<string, string | number | null>

/** Work that has to be done from time to time, by one replica at a time. Repeating it does no harm. */
export interface UpkeepTask {
  name: string
  /** The message of its log lines. */
  says: string
  /** Five fields, UTC: nothing finer than a minute. */
  cron: string
  run: (context: UpkeepContext) => Promise<Report[]>
}
