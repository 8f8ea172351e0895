import fp from 'fastify-plugin'
import type { ProviderName } from '../inbox/provider.ts'

const EVERY = 10_000

/** Reports how much is due and how late the oldest of it is, as gauges. */
export const backlogPlugin = fp<{ providers: { name: ProviderName }[]; clock: () => Date }>(
  async (app, { providers, clock }) => {
    const report = async (): Promise<void> => {
      const now = clock()
      const { rows } = await app.database.process.query<{ provider: string; due: string; oldest: Date }>(
        `select provider, count(*) as due, min(next_attempt_at) as oldest from webhook_events
         where status = 'pending' and next_attempt_at <= $1 group by provider`,
        [now],
      )
      for (const { name } of providers) {
        const row = rows.find((other) => other.provider === name)
        app.metrics.gauge('backlog', Number(row?.due ?? 0), { provider: name })
        const age = row === undefined ? 0 : (now.getTime() - row.oldest.getTime()) / 1_000
        app.metrics.gauge('backlog_age', age, { provider: name })
      }
    }
    const tryToReport = () => {
      report().catch((error) => app.log.debug({ err: error }, 'backlog not measured'))
    }
    const timer = setInterval(tryToReport, EVERY)
    timer.unref()
    app.addHook('onReady', async () => tryToReport())
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'backlog', dependencies: ['database', 'metrics'] },
)
