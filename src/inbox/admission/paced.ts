export interface PacedOptions {
  /** Milliseconds of work between two turns of the event loop. */
  perTurn: number
  /** How many connections have been accepted so far. */
  accepted: () => number
  /** Milliseconds that work waits at most. */
  maxWait: number
  /** What work that waited longer rejects with. */
  tooLate: () => Error
}

/** Milliseconds for which connections are accepted between two portions of work, at most. */
const ACCEPT_FOR = 20

/**
 * Runs synchronous work in portions, first come first served, but what is `urgent` before the rest. Between them the
 * event loop turns until no connection waits: Node accepts one per turn, so without this an overload would wait unseen
 * in the kernel for many seconds. Here it is noticed, and refused in time.
 */
export const createPaced = ({ perTurn, accepted, maxWait, tooLate }: PacedOptions) => {
  let urgentWaiting: (() => void)[] = []
  let waiting: (() => void)[] = []
  let spent = 0
  let turning = false

  /** Runs what waits for as long as there is time. @returns what has to wait on */
  const work = (queue: (() => void)[]): (() => void)[] => {
    let next = 0
    while (next < queue.length && spent < perTurn) queue[next++]?.()
    return queue.slice(next)
  }

  const portion = (): void => {
    turning = false
    spent = 0
    urgentWaiting = work(urgentWaiting)
    waiting = work(waiting)
    if (urgentWaiting.length + waiting.length > 0) turnLater()
  }

  const turnLater = (): void => {
    if (turning) return
    turning = true
    const until = performance.now() + ACCEPT_FOR
    let seen = accepted()
    const look = (): void => {
      const now = accepted()
      const allThere = now === seen || performance.now() > until
      seen = now
      if (allThere) portion()
      else setImmediate(look)
    }
    // The first comes in the same turn, after what it still has to read.
    setImmediate(() => setImmediate(look))
  }

  return <Result>(job: () => Result, { urgent = false } = {}): Promise<Result> =>
    new Promise((resolve, reject) => {
      const since = performance.now()
      const run = (): void => {
        const begunAt = performance.now()
        try {
          if (begunAt - since > maxWait) throw tooLate()
          resolve(job())
        } catch (error) {
          reject(error)
        }
        spent += performance.now() - begunAt
        turnLater()
      }
      const queue = urgent ? urgentWaiting : waiting
      if (spent < perTurn && urgentWaiting.length === 0 && (urgent || waiting.length === 0)) return run()
      queue.push(run)
      turnLater()
    })
}
