/**
 * Deliveries on their way into the inbox. Processing gives way to them: a provider waits for its answer and will try
 * again, an effect can wait.
 */
export interface Arrivals {
  /** A delivery is there. Each ends once, stored or refused. */
  begin: () => void
  end: () => void
  /** Resolves when none is under way, after so many milliseconds at the latest. */
  gap: (atMost: number) => Promise<void>
}

export const createArrivals = (): Arrivals => {
  let underWay = 0
  const waiting = new Set<() => void>()
  return {
    begin: () => {
      underWay++
    },
    end: () => {
      underWay--
      if (underWay === 0) for (const go of waiting) go()
    },
    gap: (atMost) => {
      if (underWay === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const go = () => {
          clearTimeout(timer)
          waiting.delete(go)
          resolve()
        }
        const timer = setTimeout(go, atMost)
        waiting.add(go)
      })
    },
  }
}
