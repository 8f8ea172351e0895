import type { Provider } from '../provider.ts'
import type { UnderWay } from '../under-way.ts'
import { createProcess, type ProcessOptions, type Shared, type Turn } from './process.ts'

/** Milliseconds between polls, which find the events of other replicas, retries and waits. */
const LOOK_EVERY = 1_000
/** A batch that takes longer, in milliseconds, does not hold up what arrives meanwhile: another worker takes that. */
const HELD_UP = 500
/**
 * Processing gives way to deliveries whose senders wait. After a batch of deliveries, a worker waits until none is under
 * way: at most `factor` times as long as the batch took, and at most `maxWait` milliseconds. It does not wait if the
 * oldest delivery of the batch had waited `maxAge` milliseconds: then the backlog goes first.
 */
const GIVES_WAY = { factor: 8, maxWait: 1_000, maxAge: 5_000 }
const PAUSE_IN_TROUBLE = { min: 100, max: 2_000 }

/** The workers of one provider. */
export interface Workers {
  /** Says that there is work. */
  wake: () => void
  /** Resolves once the workers, after this call, have looked and found nothing due. */
  idle: () => Promise<void>
  /** Wakes every worker, so that it sees that the service closes. */
  rouse: () => void
  /** Resolves when all of them have ended. */
  closed: Promise<void>
}

/** Called when a provider's processing has to pause, and after each turn that went well. */
interface TroubleHooks {
  inTrouble: (provider: string, error: unknown) => void
  outOfTrouble: (provider: string) => void
}

/**
 * Starts the workers of a provider. One does all the work as long as it keeps up; the others help with a backlog, or
 * while a batch takes long.
 */
export const startWorkers = (
  provider: Provider,
  carefulBefore: Date | undefined,
  options: ProcessOptions & TroubleHooks & { underWay: UnderWay },
): Workers => {
  const { closing, underWay } = options
  const shared: Shared = { carefulBefore }
  const sleeping = new Map<number, () => void>()
  let active = 0
  /** Of the active ones, those whose batch takes long. */
  let held = 0
  /** A wake-up came during a turn: what it announces may have been committed after that turn's claim. */
  let news = 0
  const idlers = new Set<() => void>()

  const rouseOne = (): void => {
    const [other] = sleeping.values()
    const end = sleeping.get(0) ?? other
    end?.()
  }
  const wake = (): void => {
    news++
    if (active === held) rouseOne()
  }
  const sleep = (worker: number, milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        sleeping.delete(worker)
        resolve()
      }
      const timer = setTimeout(end, milliseconds)
      sleeping.set(worker, end)
    })

  const work = async (worker: number): Promise<void> => {
    const turn = createProcess(provider, shared, options)
    let pause = PAUSE_IN_TROUBLE.min
    /** One turn; another worker is called when it takes long. */
    const take = async (): Promise<Turn> => {
      let long = false
      const timer = setTimeout(() => {
        long = true
        held++
        rouseOne()
      }, HELD_UP)
      try {
        return await turn(worker === 0)
      } finally {
        clearTimeout(timer)
        if (long) held--
      }
    }
    /** Works until nothing is found. */
    const workOff = async (): Promise<void> => {
      while (!closing()) {
        const seen = news
        const waiting = [...idlers]
        const startedAt = performance.now()
        const { worked, full, waited } = await take()
        pause = PAUSE_IN_TROUBLE.min
        options.outOfTrouble(provider.name)
        const givesWay = waited !== undefined && waited < GIVES_WAY.maxAge && underWay.any()
        if (full && !givesWay) rouseOne()
        const took = performance.now() - startedAt
        if (givesWay) await underWay.whenNone(Math.min(took * GIVES_WAY.factor, GIVES_WAY.maxWait))
        if (worked || news !== seen) continue
        if (worker !== 0 || active > 1) return
        for (const resolve of waiting) {
          idlers.delete(resolve)
          resolve()
        }
        if (idlers.size === 0) return
      }
    }
    while (!closing()) {
      let rest = worker === 0 ? LOOK_EVERY : 2 ** 31 - 1
      active++
      try {
        await workOff()
      } catch (error) {
        if (closing()) return
        options.inTrouble(provider.name, error)
        rest = pause
        pause = Math.min(pause * 2, PAUSE_IN_TROUBLE.max)
      } finally {
        active--
        // This worker reports when nothing is left.
        if (active === 0 && idlers.size > 0) sleeping.get(0)?.()
      }
      if (!closing()) await sleep(worker, rest)
    }
  }

  const closed = Promise.all(Array.from({ length: provider.workers }, (_, worker) => work(worker)))
  return {
    wake,
    idle: () =>
      new Promise((resolve) => {
        idlers.add(resolve)
        wake()
      }),
    rouse: () => {
      for (const end of [...sleeping.values()]) end()
    },
    closed: closed.then(() => {}),
  }
}
