import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { say } from '../../harness/say.ts'
import type { ServiceProcess } from '../../harness/service.ts'
import { ABORT_NOTICE } from '../preload/abort-on-notice.ts'
import { beginLoad, type Scenario } from '../scenario.ts'
import { LONE_OUTREACH } from '../traffic/outreach.ts'
import type { World } from '../world.ts'

const run = promisify(execFile)

const POISONED = 'chaos: poisoned'
/** Every change of one row in a hundred fails: events that are about such a row are the poisoned ones. */
const POISON = `
  create function chaos_poison() returns trigger language plpgsql as
    $$ begin raise exception '${POISONED}'; end $$;
  create trigger chaos_poison before update on outreach for each row
    when (new.id % 100 = 0) execute function chaos_poison();
  create trigger chaos_poison before insert or update on subscriptions for each row
    when (new.user_id % 100 = 0) execute function chaos_poison()`
/** The process aborts when it hears this, see chaos/preload. */
const ABORT = `
  create function chaos_abort() returns trigger language plpgsql as
    $$ begin raise notice '${ABORT_NOTICE}'; return new; end $$;
  create trigger chaos_abort before update on outreach for each row
    when (new.id = ${LONE_OUTREACH}) execute function chaos_abort()`
const CURE = 'drop function chaos_poison cascade; drop function chaos_abort cascade'

const ENDED = 'the process ended during every attempt'
const MAX_RESTARTS = 10
/**
 * Seconds: the shortest time between two attempts. An event that is held up by another's retries waits at least this
 * long.
 */
const NOT_DELAYED = 8

/** The retries of a day in seconds: what failed is due at once. */
const hurry = (world: World) =>
  world.db.query(
    `update webhook_events set next_attempt_at = now()
     where status = 'pending' and attempts > 0 and next_attempt_at > now() + interval '1 second'`,
  )

/** Seconds from arrival to effect of what arrived since then and is applied. */
const lagSince = async (world: World, since: Date): Promise<{ median: number; most: number }> => {
  const { rows } = await world.db.query(
    `select percentile_disc(array[0.5, 0.99]) within group (order by extract(epoch from processed_at - received_at)::float) as lag
     from webhook_events where status = 'processed' and received_at > $1`,
    [since],
  )
  const [median = 0, most = 0] = (rows[0]?.lag ?? []) as number[]
  return { median, most }
}

/** Starts the service again each time it has ended, until the event that ends it is dead. @returns how often. */
const outlive = async (world: World, service: ServiceProcess): Promise<number> => {
  for (let restarts = 0; ; await sleep(200)) {
    if (!service.isRunning()) {
      if (restarts === MAX_RESTARTS) throw new Error(`not found within ${MAX_RESTARTS} restarts`)
      service.start()
      restarts++
      say(`  aborted, started again: ${restarts}`)
    }
    await hurry(world)
    const { rows } = await world.db.query('select status from webhook_events where subject = $1', [
      `outreach:${LONE_OUTREACH}`,
    ])
    if (rows[0]?.status === 'dead') return restarts
  }
}

/** Events whose handler fails, and one whose handler aborts the process. */
export const poison: Scenario = {
  title: 'one event in a hundred fails, one aborts the process; then they are replayed',
  run: async (world, { seconds, quick }) => {
    const preload = new URL('../preload/abort-on-notice.ts', import.meta.url).href
    const service = await world.service({ nodeOptions: ['--import', preload] })
    service.start()
    await service.ready()
    const load = beginLoad(world, { rate: 40 })
    const faults: string[] = []
    const calmSince = new Date()
    await sleep(quick ? 3_000 : 10_000)
    const calm = await lagSince(world, calmSince)

    await world.db.query(POISON)
    const poisonedSince = new Date()
    for (const until = Date.now() + (seconds ?? (quick ? 5 : 40)) * 1_000; Date.now() < until; ) {
      await sleep(1_000)
      await hurry(world)
    }
    const poisoned = await lagSince(world, poisonedSince)
    say(`  of the others 99 in 100 are applied within ${poisoned.most.toFixed(2)} s`)
    if (poisoned.most > NOT_DELAYED) faults.push(`the others wait ${poisoned.most.toFixed(1)} s`)

    load.setRate(10)
    await world.db.query(ABORT)
    load.post(world.sendgrid.click(LONE_OUTREACH))
    const restarts = await outlive(world, service)
    await service.ready()
    await load.finish()
    for (let pending = true; pending; await sleep(200)) {
      await hurry(world)
      const { rowCount } = await world.db.query(
        `select from webhook_queue union all select from webhook_events where status = 'pending'`,
      )
      pending = rowCount !== 0
    }
    const { rows: dead } = await world.db.query<{ last_error: string; n: number }>(
      `select last_error, count(*)::int as n from webhook_events where status = 'dead' group by 1 order by 1`,
    )
    for (const { last_error, n } of dead) say(`  ${n} dead: ${last_error}`)
    const expected = [POISONED, ENDED]
    if (dead.map(({ last_error }) => last_error).join() !== expected.join()) {
      faults.push(`dead of another error: ${JSON.stringify(dead)}`)
    }

    const { rows: killers } = await world.db.query<{ event: string }>(
      `select concat_ws(' ', provider, event_type, subject, event_id, attempts || ' attempts') as event
       from webhook_events where status = 'dead' and last_error = $1 order by id`,
      [ENDED],
    )
    if (killers.length !== 1) {
      faults.push(`events other than the killer are blamed: ${killers.map(({ event }) => event).join('; ')}`)
    }

    await world.db.query(CURE)
    const replay = ['src/cli/webhooks.ts', 'dead', 'replay', '--reason', 'the fault points are gone', '--yes']
    const { stdout } = await run(process.execPath, replay, {
      env: { ...process.env, DATABASE_URL: world.stack.postgres.url },
    })
    say(`  dead replay: ${stdout.trim()}`)
    const lag = ({ median, most }: typeof calm) => `${median.toFixed(2)} / ${most.toFixed(2)} s`
    return {
      load,
      faults,
      crashesExpected: true,
      rows: [
        ['events that went dead', String(dead.reduce((sum, { n }) => sum + n, 0))],
        ['restarts until the killer was dead', String(restarts)],
        ['median / 99 % lag before', lag(calm)],
        ['median / 99 % lag of the others', lag(poisoned)],
      ],
    }
  },
}
