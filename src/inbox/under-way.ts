/** The deliveries that have arrived as a whole and are not answered. A sender that is slow to send counts for nothing. */
export interface UnderWay {
  began: () => void
  ended: () => void
  any: () => boolean
  /** Resolves when there are none, or after so many milliseconds. */
  none: (within: number) => Promise<void>
}

export const createUnderWay = (): UnderWay => {
  let count = 0
  const waiting = new Set<() => void>()
  return {
    began: () => {
      count++
    },
    ended: () => {
      count--
      if (count === 0) for (const resolve of waiting) resolve()
    },
    any: () => count > 0,
    none: (within) =>
      new Promise((resolve) => {
        if (count === 0) return resolve()
        const end = () => {
          clearTimeout(timer)
          waiting.delete(end)
          resolve()
        }
        const timer = setTimeout(end, within)
        waiting.add(end)
      }),
  }
}
