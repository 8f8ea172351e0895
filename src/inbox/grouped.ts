export interface GroupedOptions<Item, Result> {
  /** Does the work for all items at once; must settle each by its own result, in order. */
  run: (items: Item[]) => Promise<PromiseSettledResult<Result>[]>
  /** The weight of an item; a group is closed when it holds `most` of it. */
  weigh: (item: Item) => number
  most: number
  /** Groups under way at once. */
  concurrency: number
  /** Milliseconds after which an item is given up, whether it waits or is under way. */
  timeout: number
  /** What an item given up rejects with. */
  timedOut: () => Error
}

/**
 * Group commit: while a group is under way, the items that arrive form the next one. Under load many small
 * deliveries share one statement and one flush to disk; without load an item starts at once.
 */
export const createGrouped = <Item, Result>(options: GroupedOptions<Item, Result>) => {
  interface Waiting {
    item: Item
    settle: (result: PromiseSettledResult<Result>) => void
  }
  let waiting: Waiting[] = []
  let running = 0
  let scheduled = false

  const take = (): Waiting[] => {
    let weight = 0
    let count = 0
    for (const { item } of waiting) {
      weight += options.weigh(item)
      if (count > 0 && weight > options.most) break
      count++
    }
    const group = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return group
  }

  const start = async (): Promise<void> => {
    running++
    const group = take()
    try {
      const results = await options.run(group.map(({ item }) => item))
      group.forEach(({ settle }, index) => {
        settle(results[index] ?? { status: 'rejected', reason: new Error('the group gave no result') })
      })
    } catch (reason) {
      for (const { settle } of group) settle({ status: 'rejected', reason })
    } finally {
      running--
      if (waiting.length > 0) void start()
    }
  }

  /** Not at once: deliveries read in this turn of the event loop, from whatever connections, share the group. */
  const startWaiting = (): void => {
    scheduled = false
    if (running < options.concurrency && waiting.length > 0) void start()
  }

  return (item: Item): Promise<Result> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting = waiting.filter((other) => other !== entry)
        reject(options.timedOut())
      }, options.timeout)
      const entry: Waiting = {
        item,
        settle: (result) => {
          clearTimeout(timer)
          if (result.status === 'fulfilled') resolve(result.value)
          else reject(result.reason)
        },
      }
      waiting.push(entry)
      if (scheduled || running >= options.concurrency) return
      scheduled = true
      setImmediate(startWaiting)
    })
}
