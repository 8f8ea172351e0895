import { lateBacklogs } from '../alerts/backlog.ts'
import { deadEvents } from '../alerts/dead.ts'
import { forgottenPauses } from '../alerts/pauses.ts'
import { refusedDeliveries } from '../alerts/refusals.ts'
import { silentProviders } from '../alerts/silent.ts'
import { deleteOld, endResumed, openAlerts, saveCauses, saveRepeats, tellable } from '../alerts/store.ts'
import { tell } from '../alerts/tell.ts'
import { createSlackClient } from '../notifications/slack-client.ts'
import type { Report, UpkeepTask } from './task.ts'

/**
 * Looks every minute for what somebody has to know of, and keeps one message in Slack for each cause up to date: how
 * often, and that it is over.
 */
export const alerts: UpkeepTask = {
  name: 'alerts',
  says: 'alert',
  cron: '* * * * *',
  run: async ({ config, pool, now, signal }) => {
    const open = await openAlerts(pool)
    const begun = new Map(open.map(({ cause, startedAt }) => [cause, startedAt]))
    const causes = [
      ...(await lateBacklogs(pool, now)),
      ...(await deadEvents(pool)),
      ...(await silentProviders(pool, now, new Set(begun.keys()))),
      ...(await refusedDeliveries(pool, now, begun)),
      ...(await forgottenPauses(pool, now)),
    ]
    await saveCauses(pool, open, causes, now)
    await saveRepeats(pool, now)
    await endResumed(pool, now)
    await deleteOld(pool, now)

    const slack = createSlackClient(config)
    if (slack !== undefined) {
      for (const alert of await tellable(pool, now)) {
        signal.throwIfAborted() // what is left is told by another replica
        await tell(pool, slack, alert, now)
      }
    }
    const isNew = ({ cause }: { cause: string }) => !begun.has(cause)
    return [
      ...causes.filter(isNew).map(({ cause, text }): Report => ({ cause, began: text })),
      ...open
        .filter(
          ({ cause, kind }) =>
            kind !== 'misunderstood' && kind !== 'mailbox' && !causes.some((one) => one.cause === cause),
        )
        .map(({ cause }): Report => ({ cause, ended: now.toISOString() })),
    ]
  },
}
