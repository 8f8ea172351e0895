import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { queueOf, tasks } from '../upkeep/schedule.ts'

const LOOK_EVERY_SECONDS = 30

/** Runs the scheduled upkeep tasks. pg-boss makes sure that one replica runs each. */
export const upkeepPlugin = fp<{ config: Config; clock: () => Date }>(
  async (app, { config, clock }) => {
    const { boss, started, enqueue } = app.jobs
    const start = async (): Promise<void> => {
      await started
      if (app.closing()) return
      for (const task of tasks) {
        await boss.work(
          queueOf(task),
          { pollingIntervalSeconds: LOOK_EVERY_SECONDS, notifyPollingIntervalSeconds: LOOK_EVERY_SECONDS },
          async ([job]) => {
            if (job === undefined) return
            const startedAt = performance.now()
            try {
              const reports = await task.run({
                config,
                pool: app.database.upkeep,
                now: clock(),
                enqueue,
                signal: job.signal,
                busy: () => app.underWay.any(),
              })
              const ms = Math.round(performance.now() - startedAt)
              for (const report of reports) app.log.info({ task: task.name, ...report, ms }, task.says)
            } catch (error) {
              app.log.error(
                { task: task.name, err: error },
                'upkeep task failed; it runs again at its next time',
              )
              throw error
            }
          },
        )
      }
    }
    app.addHook('onReady', async () => {
      void start().catch((error) => app.log.error({ err: error }, 'upkeep tasks cannot start'))
    })
  },
  { name: 'upkeep', dependencies: ['close', 'database', 'jobs'] },
)
