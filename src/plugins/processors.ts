import { hostname } from 'node:os'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { type Arrivals, createArrivals } from '../inbox/process/arrivals.ts'
import { createProcess } from '../inbox/process/process.ts'
import { type BegunRun, beginRun, endRun } from '../inbox/process/runs.ts'
import { createSeldomLines } from '../inbox/process/seldom-lines.ts'
import type { Provider, ProviderName } from '../inbox/provider.ts'
import { openPool, RUN } from './database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The deliveries under way, for which the backlog makes way. */
    arrivals: Arrivals
    processors: {
      /** Tells a provider's processor that there is work. */
      wake: (provider: ProviderName) => void
      /** Resolves once every processor has looked, after this call, and found nothing due. */
      idle: () => Promise<void>
    }
  }
}

/** Another replica's events, retries and waits are found by looking, in milliseconds. */
const LOOK_EVERY = 1_000
/**
 * After a batch that took all there was, in milliseconds: what arrives meanwhile shares the next one, whose cost
 * hardly depends on its size, and the thread is free for deliveries.
 */
const REST = 25
const PAUSE_IN_TROUBLE = { least: 100, most: 2_000 }
const STOP_WITHIN = 4_000

/** One loop per provider: so long as there is something to do it does it, then it sleeps until it is woken. */
export const processorsPlugin = fp<{
  config: Config
  providers: Provider[]
  clock: () => Date
}>(
  async (app, { config, providers, clock }) => {
    const wakers = new Map<ProviderName, () => void>()
    const log = app.log
    const seldomLines = createSeldomLines(log)
    let stopping = false
    const run = { place: `${hostname()}:${config.PORT}`, id: crypto.randomUUID() }
    const runPool = openPool(app, config, { name: 'run', max: 1, timeouts: RUN, direct: true })
    let begun: BegunRun | undefined

    const sleep = (provider: ProviderName, milliseconds: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds)
        wakers.set(provider, () => {
          clearTimeout(timer)
          resolve()
        })
      })

    const loop = async (provider: Provider, careful: boolean): Promise<void> => {
      const turn = createProcess(
        provider,
        {
          pool: app.database.process,
          processedKeys: app.processedKeys,
          metrics: app.metrics,
          counts: app.counts,
          seldomLines,
          log,
          clock,
          enqueue: app.jobs.enqueue,
          stopping: () => stopping,
          giveWay: app.arrivals.gap,
        },
        careful ? provider.batchSize : 0,
      )
      let pause = PAUSE_IN_TROUBLE.least
      while (!stopping) {
        woken.delete(provider.name)
        try {
          const found = await turn()
          pause = PAUSE_IN_TROUBLE.least
          outOfTrouble(provider.name)
          if (found === 'more' || stopping) continue
          if (found === 'all') {
            if (idlers.get(provider.name)?.length === 0) await rest(provider.name)
            continue
          }
          if (woken.has(provider.name)) continue
          for (const resolve of idlers.get(provider.name)?.splice(0) ?? []) resolve()
          await sleep(provider.name, LOOK_EVERY)
        } catch (error) {
          if (stopping) return
          inTrouble(provider.name, error)
          await sleep(provider.name, pause)
          pause = Math.min(pause * 2, PAUSE_IN_TROUBLE.most)
        }
      }
    }

    /** The processors in trouble, and since when any is, in milliseconds. */
    const troubled = new Set<ProviderName>()
    let troubledSince = 0
    const inTrouble = (provider: ProviderName, error: unknown): void => {
      if (troubled.size === 0) troubledSince = clock().getTime()
      troubled.add(provider)
      app.trouble.report({ provider, err: error }, 'processing pauses: the database is in trouble', {
        of: provider,
      })
    }
    const outOfTrouble = (provider: ProviderName): void => {
      if (!troubled.delete(provider) || troubled.size > 0) return
      app.trouble.flush()
      const back = clock()
      app.marks.outage(new Date(troubledSince), back)
      const seconds = Math.round((back.getTime() - troubledSince) / 1_000)
      log.info({ seconds }, 'the database is back: processing goes on')
    }

    const rest = async (provider: ProviderName): Promise<void> => {
      resting.add(provider)
      await sleep(provider, REST)
      resting.delete(provider)
    }

    const resting = new Set<ProviderName>()
    /** A wake-up during a turn must not be lost: what it announces may have been committed after the claim. */
    const woken = new Set<ProviderName>()
    const wake = (provider: ProviderName) => {
      if (resting.has(provider)) return // it looks again anyhow
      rouse(provider)
    }
    /** Ends a rest, too: somebody waits for the end of the work. */
    const rouse = (provider: ProviderName) => {
      woken.add(provider)
      wakers.get(provider)?.()
    }

    const start = async (): Promise<void> => {
      await app.jobs.started
      if (stopping) return
      begun = await beginRun(runPool, run, clock(), () => stopping, app.endSessions)
      const careful = begun.afterUncleanEnd
      if (careful) log.warn('a previous run did not end cleanly; taking the first events one at a time')
      await Promise.all(providers.map((provider) => loop(provider, careful)))
    }

    const idlers = new Map<ProviderName, (() => void)[]>(providers.map(({ name }) => [name, []]))
    const idle = async (): Promise<void> => {
      await Promise.all(
        providers.map(
          ({ name }) =>
            new Promise<void>((resolve) => {
              idlers.get(name)?.push(resolve)
              rouse(name)
            }),
        ),
      )
    }

    app.decorate('arrivals', createArrivals())
    app.decorate('processors', { wake, idle })
    let running: Promise<void> = Promise.resolve()
    app.addHook('onReady', async () => {
      running = start().catch((error) => log.fatal({ err: error }, 'processing stopped'))
    })
    app.addHook('preClose', async () => {
      stopping = true
      for (const provider of providers) rouse(provider.name)
    })
    // Registered after the database and the jobs, so it runs before they close.
    app.addHook('onClose', async () => {
      stopping = true
      for (const provider of providers) rouse(provider.name)
      const timeout = new Promise<'late'>((resolve) => setTimeout(resolve, STOP_WITHIN, 'late').unref())
      if ((await Promise.race([running, timeout])) === 'late') {
        log.warn('a batch was interrupted; Postgres undoes it and the next run takes it up')
      } else {
        await endRun(app.database.process, run, clock()).catch((error) => {
          log.warn({ err: error }, 'the clean stop could not be recorded')
        })
      }
      seldomLines.end()
      begun?.release()
      await runPool.end()
    })
  },
  {
    name: 'processors',
    dependencies: ['database', 'redis', 'metrics', 'counts', 'jobs', 'marks', 'trouble'],
  },
)
