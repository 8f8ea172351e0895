import { setTimeout as sleep } from 'node:timers/promises'
import { readyReplicas, startHaproxy, writablePostgres } from '../../harness/haproxy.ts'
import { startRedisCluster } from '../../harness/redis-cluster.ts'
import { say } from '../../harness/say.ts'
import { beginLoad, type Scenario } from '../scenario.ts'

const REPLICAS = 3
/** Milliseconds that each of them stays away. */
const AWAY = { quick: 10_000, full: 120_000 }
/** Milliseconds until what was killed is noticed, and others have taken over. */
const TAKEN_OVER_WITHIN = 6_000

/** What is killed, and how it comes back. */
type Loss = [name: string, kill: () => Promise<unknown>, back: () => Promise<unknown>]

/**
 * The set-up of three machines: HAProxy in front of three replicas, HAProxy in front of a Postgres pair, and a Redis
 * Cluster. One of each is killed in turn and stays away.
 */
export const cluster: Scenario = {
  title: 'a replica, the primary of Postgres and a master of a Redis Cluster stay away in turn',
  alone: true,
  withStandby: true,
  run: async (world, { seconds, quick }) => {
    const pair = world.pair()
    const redis = await startRedisCluster({ withReplicas: true })
    const database = await startHaproxy(writablePostgres(pair.ports))
    const env = { DATABASE_URL: world.databaseUrl(database.port), REDIS_URL: redis.url }
    const services = await Promise.all(Array.from({ length: REPLICAS }, () => world.service({ env })))
    for (const service of services) service.start()
    for (const service of services) await service.ready()
    const front = await startHaproxy(readyReplicas(services.map(({ url }) => Number(new URL(url).port))))
    const rows: [string, string][] = []
    const faults: string[] = []
    try {
      const load = beginLoad(world, { rate: 20, targets: [`http://127.0.0.1:${front.port}`] })
      const away = seconds === undefined ? (quick ? AWAY.quick : AWAY.full) : seconds * 1_000
      const [replica] = services
      const [master] = redis.masters
      const losses: Loss[] = [
        ['a replica', async () => replica?.end('SIGKILL'), async () => replica?.start()],
        [
          'the primary',
          async () => {
            await pair.primary().stop('kill')
            await sleep(1_000) // until the failover tooling has decided
            await pair.promote()
          },
          pair.rejoin,
        ],
        ['a master of Redis', async () => master?.stop(), async () => master?.start()],
      ]
      for (const [name, kill, back] of losses) {
        await sleep(2_000)
        await kill()
        await sleep(TAKEN_OVER_WITHIN)
        const { acknowledged, unavailable, unanswered } = load.counts
        await sleep(away - TAKEN_OVER_WITHIN)
        const accepted = load.counts.acknowledged - acknowledged
        const refused = load.counts.unavailable - unavailable
        const cut = load.counts.unanswered - unanswered
        await back()
        const what = `${accepted} acknowledged, ${refused} times 503, ${cut} cut`
        say(`  without ${name}, once others had taken over: ${what}`)
        rows.push([`without ${name}`, what])
        if (accepted === 0) faults.push(`nothing was accepted without ${name}`)
      }
      await load.finish()
      for (const service of services) {
        const code = await service.end('SIGTERM')
        if (code !== 0) faults.push(`a replica ended with ${code}`)
        service.start({ DATABASE_URL: world.databaseUrl(), REDIS_URL: world.stack.redis.url })
      }
      return { load, rows, faults }
    } finally {
      await front.stop()
      await database.stop()
      await redis.stop()
    }
  },
}
