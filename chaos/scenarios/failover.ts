import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startHaproxy, writablePostgres } from '../../harness/haproxy.ts'
import { say } from '../../harness/say.ts'
import type { Load } from '../load.ts'
import { beginLoad, type Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

/** The contract's limit from the promotion until work goes on, in milliseconds, and what a busy machine adds. */
const GOES_ON_WITHIN = 5_000
const NOISE = 1_000
const REPLICAS = 3

/** Milliseconds from the promotion. */
interface Recovery {
  /** Until every replica had answered a delivery with 200. */
  accepting: number
  /** Until an event that came after the promotion was processed, and every replica's run was marked again. */
  processing: number
}

/** The primary is killed under load and the standby promoted, again and again, by both ways to find the new one. */
export const failover: Scenario = {
  title: 'the primary is killed, its synchronous standby takes over',
  alone: true,
  withStandby: true,
  run: async (world, { quick }) => {
    const pair = world.pair()
    const proxy = await startHaproxy(writablePostgres(pair.ports))
    const services = await Promise.all(Array.from({ length: REPLICAS }, () => world.service()))
    const load = beginLoad(world, { rate: 0 })
    const rows: [string, string][] = []
    const faults: string[] = []
    try {
      for (const [way, databaseUrl] of [
        ['a list of servers', world.databaseUrl()],
        ['HAProxy', world.databaseUrl(proxy.port)],
      ] as const) {
        for (const service of services) service.start({ DATABASE_URL: databaseUrl })
        for (const service of services) await service.ready()
        load.setRate(30)
        const recoveries = await failOver(world, load, quick ? 1 : 5, way)
        load.setRate(0)
        for (const service of services) {
          const code = await service.end('SIGTERM')
          if (code !== 0) faults.push(`a replica ended with ${code} after failing over by ${way}`)
        }
        for (const what of ['accepting', 'processing'] as const) {
          const took = recoveries.map((recovery) => recovery[what])
          rows.push([`${what} again, by ${way}`, took.map(inSeconds).join(' ')])
          const slowest = Math.max(...took)
          if (slowest > GOES_ON_WITHIN + NOISE) {
            faults.push(`${what} took ${slowest} ms by ${way}, the contract says within 5 s of the promotion`)
          }
        }
      }
      for (const service of services) service.start({ DATABASE_URL: world.databaseUrl() })
      await load.finish()
    } finally {
      await proxy.stop()
    }
    return { load, rows, faults }
  },
}

const inSeconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`

const failOver = async (world: World, load: Load, times: number, way: string): Promise<Recovery[]> => {
  const pair = world.pair()
  const recoveries: Recovery[] = []
  while (recoveries.length < times) {
    await sleep(world.random.between(1_000, 3_000))
    await pair.primary().stop('kill')
    await sleep(world.random.between(0, 2_000))
    await pair.promote()
    const recovery = await recover(world, load)
    recoveries.push(recovery)
    say(
      `  ${way}: promoted (${recoveries.length}), accepting after ${inSeconds(recovery.accepting)}, processing after ${inSeconds(recovery.processing)}`,
    )
    await pair.rejoin()
    say(`  ${way}: the old primary follows, ${load.counts.acknowledged} acknowledged`)
  }
  return recoveries
}

const LOOK_EVERY = 50
const GIVE_UP_AFTER = 30_000

const recover = async (world: World, load: Load): Promise<Recovery> => {
  const promotedAt = performance.now()
  const promoted = new Date()
  const db = new pg.Client({ connectionString: world.pair().primary().url })
  await db.connect()
  let accepting: number | undefined
  let processing: number | undefined
  try {
    while (accepting === undefined || processing === undefined) {
      await sleep(LOOK_EVERY)
      const after = Math.round(performance.now() - promotedAt)
      if (after > GIVE_UP_AFTER) {
        const what = accepting === undefined ? 'accepting' : 'processing'
        throw new Error(`${what} does not resume after a promotion`)
      }
      const answered = world.services.filter(({ url }) => (load.counts.lastAck.get(url) ?? 0) > promotedAt)
      if (answered.length === REPLICAS) accepting ??= after
      const { rows } = await db.query(
        `select exists (select from webhook_events where received_at > $1 and processed_at is not null)
           and (select count(*) from pg_locks where locktype = 'advisory' and granted) >= $2 as goes_on`,
        [promoted, REPLICAS],
      )
      if (rows[0].goes_on) processing ??= after
    }
  } finally {
    await db.end()
  }
  return { accepting, processing }
}
