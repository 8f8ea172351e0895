import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { onPort } from './port.ts'
import { startRedisProcess } from './redis.ts'
import type { ServerProcess } from './server-process.ts'

const SLOTS = 16_384
const MASTERS = 3
/** Milliseconds; a machine that is busy with other things takes long. */
const FORMED_WITHIN = 120_000
/** Milliseconds of silence after which a node counts as failed. */
const NODE_TIMEOUT = 2_000

/** One server of a cluster. */
export interface ClusterNode {
  port: number
  /** 0 while it is stopped. */
  pid: () => number
  /** SIGKILL. */
  stop: () => Promise<void>
  /** Starts it again on the same port, empty; it knows its cluster. */
  start: () => Promise<void>
  /** Sends it one command. */
  call: (command: string, ...values: (string | number)[]) => Promise<unknown>
}

/** A Redis Cluster started here. */
export interface RedisCluster {
  /** Names its first masters. */
  url: string
  masters: ClusterNode[]
  /** One per master, in the same order; empty without replicas. */
  replicas: ClusterNode[]
  stop: () => Promise<void>
}

/** Starts three empty masters on loopback that share the slots, and a replica for each if there should be any. */
export const startRedisCluster = async ({
  withReplicas = false,
}: {
  withReplicas?: boolean
} = {}): Promise<RedisCluster> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-redis-cluster-'))
  const nodes = await Promise.all(
    Array.from({ length: withReplicas ? 2 * MASTERS : MASTERS }, () => startNode(folder)),
  )
  const masters = nodes.slice(0, MASTERS)
  const replicas = nodes.slice(MASTERS)
  const [first] = masters as [ClusterNode]
  for (const [n, master] of masters.entries()) {
    const from = Math.ceil((n * SLOTS) / MASTERS)
    const to = Math.ceil(((n + 1) * SLOTS) / MASTERS) - 1
    await master.call('cluster', 'set-config-epoch', n + 1)
    await master.call('cluster', 'addslotsrange', from, to)
  }
  for (const node of nodes) {
    if (node !== first) await node.call('cluster', 'meet', '127.0.0.1', first.port, busOf(first.port))
  }
  await until(masters, 'cluster_state:ok', `cluster_known_nodes:${nodes.length}`)
  for (const [n, replica] of replicas.entries()) {
    const id = await masters[n]?.call('cluster', 'myid')
    await untilDone(() => replica.call('cluster', 'replicate', String(id)))
  }
  await until(nodes, 'cluster_state:ok', `cluster_known_nodes:${nodes.length}`)
  for (const replica of replicas) {
    await untilDone(async () => {
      const info = String(await replica.call('info', 'replication'))
      if (!info.includes('master_link_status:up')) throw new Error('a replica of the cluster does not follow')
    })
  }
  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join()}`,
    masters,
    replicas,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Where nodes talk to each other. */
const busOf = (port: number): number => (port > 45_000 ? port - 12_345 : port + 12_345)

const startNode = async (folder: string): Promise<ClusterNode> => {
  let server: ServerProcess
  const launch = async (port: number): Promise<ServerProcess> =>
    startRedisProcess(
      {
        port,
        dir: folder,
        'cluster-enabled': 'yes',
        'cluster-port': busOf(port),
        'cluster-config-file': `nodes-${port}.conf`,
        'cluster-node-timeout': NODE_TIMEOUT,
        // Two masters go on with their slots when the third is dead.
        'cluster-require-full-coverage': 'no',
      },
      folder,
    )
  const port = await onPort(undefined, async (chosen) => {
    server = await launch(chosen)
    return chosen
  })
  return {
    port,
    pid: () => (server.isRunning() ? server.pid : 0),
    stop: () => server.end('SIGKILL'),
    start: async () => {
      if (!server.isRunning()) server = await launch(port)
    },
    call: async (command, ...values) => {
      const client = new Redis(port, { maxRetriesPerRequest: 0, retryStrategy: () => null })
      client.on('error', () => {}) // the command rejects as well
      try {
        return await client.call(command, ...values.map(String))
      } finally {
        client.disconnect()
      }
    },
  }
}

const until = async (nodes: ClusterNode[], ...states: string[]): Promise<void> => {
  for (const node of nodes) {
    await untilDone(async () => {
      const info = String(await node.call('cluster', 'info'))
      if (!states.every((state) => info.includes(state))) throw new Error(`a cluster is not formed: ${info}`)
    })
  }
}

const untilDone = async (work: () => Promise<unknown>): Promise<void> => {
  for (const end = Date.now() + FORMED_WITHIN; ; await sleep(100)) {
    try {
      await work()
      return
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}
