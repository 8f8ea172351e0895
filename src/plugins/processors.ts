import { hostname } from 'node:os'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { type BegunRun, beginRun, endRun } from '../inbox/process/runs.ts'
import { startWorkers, type Workers } from '../inbox/process/workers.ts'
import type { Provider } from '../inbox/provider.ts'
import { createUnderWay, type UnderWay } from '../inbox/under-way.ts'
import { openPool, RUN } from './database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What processing gives way to. */
    underWay: UnderWay
    processors: {
      /** Tells a provider's workers that there is work. */
      wake: (provider: string) => void
      /** Resolves once every provider's workers have looked, after this call, and found nothing due. */
      idle: () => Promise<void>
    }
  }
}

const CLOSE_WITHIN = 4_000

/** Processing: workers for every provider, from the moment the service is ready until it closes. */
export const processorsPlugin = fp<{
  config: Config
  providers: Provider[]
  clock: () => Date
}>(
  async (app, { config, providers, clock }) => {
    const { log } = app
    app.decorate('underWay', createUnderWay())
    const workers = new Map<string, Workers>()
    let closing = false
    const run = { place: `${hostname()}:${config.PORT}`, id: crypto.randomUUID() }
    const runPool = openPool(app, config, { name: 'run', max: 1, timeouts: RUN, direct: true })
    let begun: BegunRun | undefined

    /** The providers whose processing pauses, and since when any does, in milliseconds. */
    const troubled = new Set<string>()
    let troubledSince = 0
    const inTrouble = (provider: string, error: unknown): void => {
      if (troubled.size === 0) troubledSince = clock().getTime()
      troubled.add(provider)
      app.trouble.report({ provider, err: error }, 'processing pauses: the database is in trouble', {
        of: provider,
      })
    }
    const outOfTrouble = (provider: string): void => {
      if (!troubled.delete(provider) || troubled.size > 0) return
      app.trouble.flush()
      const back = clock()
      app.marks.outage(new Date(troubledSince), back)
      const seconds = Math.round((back.getTime() - troubledSince) / 1_000)
      log.info({ seconds }, 'the database is back: processing goes on')
    }

    /** Ends sessions on the old server, and lets workers that pause go on with the new one at once. */
    const moved = (lostAt: number): void => {
      app.endSessions(lostAt)
      for (const one of workers.values()) one.wake()
    }

    let last: Promise<unknown> = Promise.resolve()
    const alone = <T>(work: () => Promise<T>): Promise<T> => {
      const result = last.then(work)
      last = result.catch(() => {})
      return result
    }

    const start = async (): Promise<void> => {
      await app.jobs.started
      if (closing) return
      const startedAt = clock()
      begun = await beginRun(runPool, run, startedAt, () => closing, moved)
      if (closing) return
      if (begun.afterUncleanEnd) {
        log.warn(
          'a previous run did not end cleanly; events received before this start are processed one at a time',
        )
      }
      const options = {
        pool: app.database.process,
        processedKeys: app.processedKeys,
        metrics: app.metrics,
        counts: app.counts,
        trouble: app.trouble,
        log,
        clock,
        enqueue: app.jobs.enqueue,
        keepChanges: config.KEEP_CHANGES === 'on',
        traces: app.traces,
        underWay: app.underWay,
        alone,
        closing: () => closing,
        inTrouble,
        outOfTrouble,
      }
      for (const provider of providers) {
        const carefulBefore = begun.afterUncleanEnd ? startedAt : undefined
        workers.set(provider.name, startWorkers(provider, carefulBefore, options))
      }
    }

    let starting = Promise.resolve()
    app.addHook('onReady', async () => {
      starting = start().catch((error) => log.fatal({ err: error }, 'processing cannot start'))
    })
    app.decorate('processors', {
      wake: (provider) => workers.get(provider)?.wake(),
      idle: async () => {
        await starting
        await Promise.all([...workers.values()].map((one) => one.idle()))
      },
    })
    const close = (): void => {
      closing = true
      for (const one of workers.values()) one.rouse()
    }
    app.addHook('preClose', async () => close())
    // Registered after the database and the jobs, so it runs before they close.
    app.addHook('onClose', async () => {
      close()
      const closed = starting.then(() => Promise.all([...workers.values()].map((one) => one.closed)))
      const timeout = new Promise<'late'>((resolve) => setTimeout(resolve, CLOSE_WITHIN, 'late').unref())
      if ((await Promise.race([closed, timeout])) === 'late') {
        log.warn('a batch was interrupted; Postgres rolls it back and the next run processes it')
      } else {
        await endRun(app.database.process, run, clock()).catch((error) => {
          log.warn({ err: error }, 'the clean stop could not be recorded')
        })
      }
      begun?.release()
      await runPool.end()
    })
  },
  {
    name: 'processors',
    dependencies: ['database', 'redis', 'metrics', 'counts', 'jobs', 'marks', 'trouble'],
  },
)
