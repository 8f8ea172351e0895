/** The deliveries whose body has arrived and that are not answered yet. One that is still arriving does not count. */
export interface UnderWay {
  begin: () => void
  end: () => void
  any: () => boolean
  /** Resolves when no delivery is under way, after `maxWait` milliseconds at the latest. */
  whenNone: (maxWait: number) => Promise<void>
}

export const createUnderWay = (): UnderWay => {
  let count = 0
  const waiting = new Set<() => void>()
  return {
    begin: () => {
      count++
    },
    end: () => {
      count--
      if (count === 0) for (const resolve of waiting) resolve()
    },
    any: () => count > 0,
    whenNone: (maxWait) =>
      new Promise((resolve) => {
        if (count === 0) return resolve()
        const done = () => {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        const timer = setTimeout(done, maxWait)
        waiting.add(done)
      }),
  }
}
