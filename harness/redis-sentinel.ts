import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { onPort } from './port.ts'
import {
  REDIS_DATABASES,
  type RedisServer,
  startRedis,
  startRedisProcess,
  startSentinelProcess,
} from './redis.ts'
import type { ServerProcess } from './server-process.ts'

const NAME = 'webhooks'
const SENTINELS = 3
/** Milliseconds; a machine that is busy with other things takes long. */
const READY_WITHIN = 120_000

/** A master and its replica, watched by three sentinels. */
export interface WatchedRedis {
  url: string
  /** The one that was it at the start. */
  master: RedisServer
  stop: () => Promise<void>
}

/** Starts all of them on loopback. @returns when the sentinels know each other and the replica. */
export const startWatchedRedis = async (): Promise<WatchedRedis> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-sentinel-'))
  const master = await startRedis()
  const [replicaPort, replica] = await onPort<[number, ServerProcess]>(undefined, async (port) => [
    port,
    await startRedisProcess(
      {
        port,
        dir: folder,
        replicaof: `127.0.0.1 ${master.port}`,
        databases: REDIS_DATABASES,
      },
      folder,
    ),
  ])
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, () =>
      onPort(undefined, async (port) => {
        const file = join(folder, `sentinel-${port}.conf`)
        const lines = [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${folder}`,
          `sentinel monitor ${NAME} 127.0.0.1 ${master.port} 2`,
          `sentinel down-after-milliseconds ${NAME} 1000`,
          `sentinel failover-timeout ${NAME} 5000`,
        ]
        writeFileSync(file, `${lines.join('\n')}\n`)
        return { port, server: await startSentinelProcess(file) }
      }),
    ),
  )
  await untilSaid(replicaPort, ['info', 'replication'], (info) =>
    String(info).includes('master_link_status:up'),
  )
  for (const { port } of sentinels) await untilWatching(port)
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join()}/${NAME}`,
    master,
    stop: async () => {
      await Promise.all([
        ...sentinels.map(({ server }) => server.end('SIGKILL')),
        master.stop(),
        replica.end('SIGKILL'),
      ])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const untilWatching = (port: number): Promise<void> =>
  untilSaid(port, ['sentinel', 'master', NAME], (master) => {
    const said = JSON.stringify(master)
    return said.includes(`"num-other-sentinels","${SENTINELS - 1}"`) && said.includes('"num-slaves","1"')
  })

/** Asks a server again and again. */
const untilSaid = async (
  port: number,
  [command, ...values]: [string, ...string[]],
  right: (answer: unknown) => boolean,
): Promise<void> => {
  const client = new Redis(port, { protocol: 2 })
  try {
    for (const until = Date.now() + READY_WITHIN; ; await sleep(100)) {
      const answer = await client.call(command, ...values)
      if (right(answer)) return
      if (Date.now() > until) throw new Error(`a watched Redis is not ready: ${JSON.stringify(answer)}`)
    }
  } finally {
    client.disconnect()
  }
}
