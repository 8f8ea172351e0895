export interface GroupedOptions<Item, Result> {
  /** Does the work for all items at once; must give each its result, in order. */
  run: (items: Item[]) => Promise<Result[]>
  /** The weight of an item; a group is closed when it holds `most` of it. */
  weigh: (item: Item) => number
  most: number
  /** Groups under way at once. */
  concurrency: number
  /**
   * How much must be waiting before a group starts beside another: a small group costs nearly as much as a large one.
   */
  enough: number
  /** The error that an item rejects with when it is given up. */
  timedOut: () => Error
}

/**
 * Group commit: while a group is under way, the items that arrive form the next one. Under load many small
 * deliveries share one statement and one flush to disk; without load an item starts at once.
 */
export const createGrouped = <Item, Result>(options: GroupedOptions<Item, Result>) => {
  interface Waiting {
    item: Item
    resolve: (result: Result) => void
    reject: (error: unknown) => void
    timer: NodeJS.Timeout
  }
  let waiting: Waiting[] = []
  let weight = 0
  let running = 0
  let scheduled = false

  const take = (): Waiting[] => {
    let taken = 0
    let count = 0
    for (const { item } of waiting) {
      const one = options.weigh(item)
      if (count > 0 && taken + one > options.most) break
      taken += one
      count++
    }
    const group = waiting.slice(0, count)
    waiting = waiting.slice(count)
    weight -= taken
    return group
  }

  const mayStart = (): boolean =>
    waiting.length > 0 && (running === 0 || (running < options.concurrency && weight >= options.enough))

  const start = async (): Promise<void> => {
    running++
    const group = take()
    try {
      const results = await options.run(group.map(({ item }) => item))
      for (const [n, { resolve }] of group.entries()) resolve(results[n] as Result)
    } catch (error) {
      for (const { reject } of group) reject(error)
    } finally {
      for (const { timer } of group) clearTimeout(timer)
      running--
      startWaiting()
    }
  }

  /** Not at once: deliveries read in this turn of the event loop, from whatever connections, share the group. */
  const startWaiting = (): void => {
    scheduled = false
    while (mayStart()) void start()
  }

  /** @param within milliseconds after which the item is given up, whether it waits or is under way */
  return (item: Item, within: number): Promise<Result> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const left = waiting.filter((other) => other !== entry)
        if (left.length < waiting.length) weight -= options.weigh(item)
        waiting = left
        reject(options.timedOut())
      }, within)
      const entry: Waiting = { item, resolve, reject, timer }
      waiting.push(entry)
      weight += options.weigh(item)
      if (scheduled || !mayStart()) return
      scheduled = true
      setImmediate(startWaiting)
    })
}
