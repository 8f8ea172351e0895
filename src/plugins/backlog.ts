import fp from 'fastify-plugin'
import { loggable } from '../logger.ts'
import { backlog } from '../operations/overview.ts'

const EVERY = 10_000

/** Reports how much is due and how late the oldest of it is, as gauges. */
export const backlogPlugin = fp<{ providers: { name: string }[]; clock: () => Date }>(
  async (app, { providers, clock }) => {
    const report = async (): Promise<void> => {
      const now = clock()
      const pending = await backlog(app.database.process, now)
      for (const { name } of providers) {
        const { due = 0, oldestDueAt = null } = pending.find(({ provider }) => provider === name) ?? {}
        app.metrics.gauge('backlog', due, { provider: name })
        const age = oldestDueAt === null ? 0 : (now.getTime() - oldestDueAt.getTime()) / 1_000
        app.metrics.gauge('backlog_age', age, { provider: name })
      }
    }
    const tryToReport = () => {
      report().catch((error) => app.log.debug({ reason: loggable(error).message }, 'backlog not measured'))
    }
    const timer = setInterval(tryToReport, EVERY)
    timer.unref()
    app.addHook('onReady', async () => tryToReport())
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'backlog', dependencies: ['database', 'metrics'] },
)
