import { setTimeout as sleep } from 'node:timers/promises'
import { retention as task } from '../src/upkeep/retention.ts'
import { queueOf } from '../src/upkeep/schedule.ts'
import { startService } from './contestants.ts'
import { addHistory } from './history.ts'
import { openJobs } from './jobs.ts'
import { type Bench, type Measured, measure } from './measure.ts'
import { medianOf } from './median.ts'
import type { Outcome } from './outcome.ts'
import type { Place } from './stack.ts'

/** Events of one day. */
const EXPIRED = { full: 1_000_000, quick: 150_000 }
/** In days: older than what is kept. */
const AGE = 100
const DELIVERIES = { full: 800, quick: 200 }
const ROUNDS = { full: 3, quick: 1 }
const BEGINS_WITHIN = 60_000

/** Deliveries before and while retention deletes. */
export const retention = async (bench: Bench): Promise<Outcome> => {
  const events = bench.quick ? EXPIRED.quick : EXPIRED.full
  const place = await bench.servers.place()
  await addHistory(place, { events, status: 'processed', days: [AGE + 1, AGE] }, bench.progress)
  const running = await startService()(place, bench.keys)
  const send = (name: string, firstEvent: number, deliveries: number) =>
    measure(bench, name, running, place, {
      provider: 'sendgrid',
      firstEvent,
      deliveries,
      eventsPerDelivery: 50,
    })
  const deliveries = bench.quick ? DELIVERIES.quick : DELIVERIES.full
  await send('warming up', 0, deliveries / 4)
  const rounds = bench.quick ? ROUNDS.quick : ROUNDS.full
  let firstEvent = 0
  const sendAll = async (name: string): Promise<Measured[]> => {
    const each: Measured[] = []
    for (let round = 1; round <= rounds; round++) {
      firstEvent += 1_000_000
      each.push(await send(`${name}, round ${round}`, firstEvent, deliveries))
    }
    return each
  }
  const without = medianOf(await sendAll('without retention'))

  await startRetention(place)
  const atStart = await untilFewer(bench, place, events)
  const startedAt = performance.now()
  const during = medianOf(await sendAll('while retention deletes'))
  const deleted = atStart - (await expired(place))
  const rate = (deleted / (performance.now() - startedAt)) * 1_000
  const left = await expired(place)
  await running.stop()
  await place.drop()
  if (left === 0)
    throw new Error('retention had ended before all deliveries were answered: give it more events to delete')
  return {
    results: {
      'SendGrid, 50 events per delivery': {
        'without retention': without,
        [`while it deletes ${Math.round(rate).toLocaleString('en')} events/s`]: during,
      },
    },
    targets: [
      {
        says: 'accepted while retention deletes, against without',
        value: during.accepted / without.accepted,
        goal: 1,
        floor: 0.95,
      },
      {
        says: 'slowest answer in a thousand meanwhile, ms',
        value: during.ack?.p999 ?? Number.NaN,
        goal: 500,
        floor: 2_000,
        less: true,
      },
    ],
  }
}

/** As its schedule does at night. */
const startRetention = async ({ databaseUrl }: Place): Promise<void> => {
  const boss = await openJobs(databaseUrl)
  await boss.send(queueOf(task), {})
  await boss.stop({ graceful: false })
}

/** Waits until fewer than this many are left. @returns how many are. */
const untilFewer = async (bench: Bench, place: Place, events: number): Promise<number> => {
  for (const until = Date.now() + BEGINS_WITHIN; Date.now() < until; await sleep(200)) {
    const left = await expired(place)
    bench.progress(`waiting for retention to begin: ${left} events`)
    if (left < events) return left
  }
  throw new Error('retention did not begin to delete in time')
}

const expired = async ({ db }: Place): Promise<number> => {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int from webhook_events where received_at < now() - interval '${AGE - 1} days'`,
  )
  return rows[0]?.count ?? Number.NaN
}
