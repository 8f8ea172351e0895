import type { PgBoss } from 'pg-boss'
import { alerts } from './alerts.ts'
import { dailySummary } from './daily-summary.ts'
import { deliveryDays } from './delivery-days.ts'
import { mailboxCounts } from './mailbox-counts.ts'
import { mailboxGuard } from './mailbox-guard.ts'
import { reconciliation } from './reconciliation.ts'
import { retention } from './retention.ts'
import type { UpkeepTask } from './task.ts'

/** All upkeep. A new task is one file and one entry here. */
export const tasks: readonly UpkeepTask[] = [
  deliveryDays,
  alerts,
  mailboxCounts,
  mailboxGuard,
  retention,
  reconciliation,
  dailySummary,
]

const PREFIX = 'upkeep-'
export const queueOf = (task: UpkeepTask): string => PREFIX + task.name

/** At most one is queued or running, on whichever replica; should that one die, another takes over within a minute. */
const POLICY = 'exclusive'
const QUEUE = {
  retryLimit: 2,
  retryDelay: 60,
  expireInSeconds: 4 * 3_600,
  heartbeatSeconds: 30,
  deleteAfterSeconds: 7 * 86_400,
  notify: true,
}

/** Creates a queue and a schedule for every task, or brings them up to date. Needs no DDL. */
export const scheduleUpkeep = async (boss: PgBoss): Promise<void> => {
  for (const task of tasks) {
    await boss.createQueue(queueOf(task), { ...QUEUE, policy: POLICY })
    await boss.updateQueue(queueOf(task), QUEUE)
    // Due while no replica ran: done once.
    await boss.schedule(queueOf(task), task.cron, null, { missed: 'once' })
  }
  for (const { name } of await boss.getSchedules()) {
    const wanted = !name.startsWith(PREFIX) || tasks.some((task) => queueOf(task) === name)
    if (!wanted) await boss.unschedule(name)
  }
}
