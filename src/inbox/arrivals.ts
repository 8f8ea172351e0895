/**
 * Deliveries on their way into the inbox. Processing gives way to them: a provider waits for its answer and will try
 * again, an effect can wait.
 */
export interface Arrivals {
  /** Does the work of one delivery. */
  during: <T>(work: () => Promise<T>) => Promise<T>
  /** Resolves when none is under way, after so many milliseconds at the latest. */
  gap: (atMost: number) => Promise<void>
}

export const createArrivals = (): Arrivals => {
  let underWay = 0
  const waiting = new Set<() => void>()
  return {
    during: async (work) => {
      underWay++
      try {
        return await work()
      } finally {
        underWay--
        if (underWay === 0) for (const go of waiting) go()
      }
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
