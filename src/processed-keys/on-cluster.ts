import calculateSlot from 'cluster-key-slot'
import type { ChainableCommander, Cluster, Redis } from 'ioredis'
import { ADD, argumentsOf, dropKeys, EXPIRY_SECONDS, type Keyspace, ORIGIN } from './keyspace.ts'

/**
 * The keys on the masters of a Redis Cluster. A command may name keys of one slot only, and a pipeline those of one
 * master, so there is a pipeline for each.
 */
export const onCluster = (cluster: Cluster): Keyspace => ({
  onOneServer: false,
  read: async (keys) => {
    const values: (string | null)[] = keys.map(() => null)
    const errors: Error[] = []
    const groups = positionsByMaster(cluster, keys)
    await Promise.all(
      groups.map(async (positions) => {
        const pipeline = cluster.pipeline()
        for (const position of positions) pipeline.get(keys[position] as string)
        try {
          for (const [n, value] of (await run(pipeline)).entries())
            values[positions[n] as number] = value as string
        } catch (error) {
          errors.push(error as Error)
        }
      }),
    )
    const [error] = errors
    if (error === undefined) return { values }
    if (errors.length >= groups.length) throw error
    return { values, error }
  },
  add: async (keys, added) => {
    // Before the keys: they are on other masters, and a key that is there without it would be believed for ever.
    await cluster.eval(ADD, 1, ORIGIN, ...argumentsOf(added))
    await Promise.all(
      positionsByMaster(cluster, keys).map(async (positions) => {
        const pipeline = cluster.pipeline()
        for (const position of positions) {
          pipeline.set(keys[position] as string, added.processedAt, 'EX', EXPIRY_SECONDS)
        }
        await run(pipeline)
      }),
    )
  },
  drop: async () => {
    const dropped = await Promise.all(masters(cluster).map(dropFrom))
    return dropped.reduce((sum, n) => sum + n, 0)
  },
})

/**
 * A part in braces chooses the slot, and the client does not always choose as Redis does (`{}{x}`). Such an id is not
 * remembered, so the inbox is asked. Otherwise a sender that chooses its ids could also put all of them on one master.
 */
const isPlaced = (key: string): boolean => !key.includes('{')

/** Positions in `keys`. Slots that one master has are grouped as the client does it, which checks every pipeline. */
const positionsByMaster = ({ slots }: Cluster, keys: string[]): number[][] => {
  const placed = [...keys.keys()].filter((position) => isPlaced(keys[position] as string))
  const masterOf = (position: number) => slots[calculateSlot(keys[position] as string)]?.join()
  return [...Map.groupBy(placed, masterOf).values()]
}

/** Also throws what a single command answered, which `exec()` gives as a value. */
const run = async (pipeline: ChainableCommander): Promise<unknown[]> => {
  const results = (await pipeline.exec()) ?? []
  const failed = results.find(([error]) => error !== null)
  if (failed !== undefined) throw failed[0]
  return results.map(([, value]) => value)
}

/** @throws when not all are known and connected: one that is away may come back with its keys. */
const masters = (cluster: Cluster): Redis[] => {
  const connected = new Map(
    cluster.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
  )
  const names = new Set(cluster.slots.map((nodes) => nodes[0]))
  if (names.size === 0) throw new Error('the masters of the Redis Cluster are not known')
  return [...names].map((name) => {
    const node = connected.get(name ?? '')
    if (node === undefined) throw new Error(`the master ${name} of the Redis Cluster is away`)
    return node
  })
}

/** One by one, as they are of many slots. */
const dropFrom = (node: Redis): Promise<number> =>
  dropKeys(node, async (keys) => {
    const pipeline = node.pipeline()
    for (const key of keys) pipeline.unlink(key)
    return (await run(pipeline)).reduce<number>((sum, count) => sum + Number(count), 0)
  })
