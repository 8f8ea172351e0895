import { lateBacklogs } from '../alerts/backlog.ts'
import { deadEvents } from '../alerts/dead.ts'
import { forgottenPauses } from '../alerts/pauses.ts'
import { refusedDeliveries } from '../alerts/refusals.ts'
import { silentProviders } from '../alerts/silent.ts'
import { deleteOld, endResumed, openAlerts, saveCauses, saveRepeats, tellable } from '../alerts/store.ts'
import { tell } from '../alerts/tell.ts'
import { createSlackClient } from '../notifications/slack-client.ts'
import { lastAccepted } from '../operations/accepted.ts'
import type { Report, UpkeepTask } from './task.ts'

/**
 * Looks every minute for states that somebody has to know about, and keeps one Slack message per cause up to date: how
 * often it came, and that it is over.
 */
export const alerts: UpkeepTask = {
  name: 'alerts',
  says: 'alert',
  cron: '* * * * *',
  run: async ({ config, pool, now, signal }) => {
    const open = await openAlerts(pool)
    const begun = new Map(open.map(({ cause, startedAt }) => [cause, startedAt]))
    const accepted = await lastAccepted(pool, now)
    const causes = [
      ...(await lateBacklogs(pool, now)),
      ...(await deadEvents(pool)),
      ...silentProviders(accepted, now, begun),
      ...(await refusedDeliveries(pool, accepted, now, begun)),
      ...(await forgottenPauses(pool, now)),
    ]
    const over = await saveCauses(pool, open, causes, now)
    await saveRepeats(pool, now)
    await endResumed(pool, now)
    await deleteOld(pool, now)

    const slack = createSlackClient(config)
    if (slack !== undefined) {
      for (const alert of await tellable(pool, now)) {
        signal.throwIfAborted() // another replica posts the rest
        await tell(pool, slack, alert, now)
      }
    }
    const isNew = ({ cause }: { cause: string }) => !begun.has(cause)
    return [
      ...causes.filter(isNew).map(({ cause, text }): Report => ({ cause, began: text })),
      ...over.map(({ cause }): Report => ({ cause, ended: now.toISOString() })),
    ]
  },
}
