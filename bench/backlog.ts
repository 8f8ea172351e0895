import { setTimeout as sleep } from 'node:timers/promises'
import { startService } from './contestants.ts'
import { addHistory } from './history.ts'
import { type Bench, type Measured, measure, perSecond } from './measure.ts'
import type { Outcome } from './outcome.ts'
import type { Place } from './stack.ts'
import { forgetPeak, peakMebibytes } from './usage.ts'

const BACKLOG = { full: 500_000, quick: 50_000 }
const PER_DELIVERY = 50
/** Deliveries in each measurement: enough for some seconds. */
const DELIVERIES = 600

/** A service that starts with a backlog, and is sent deliveries while it drains. */
export const backlog = async (bench: Bench): Promise<Outcome> => {
  const events = bench.quick ? BACKLOG.quick : BACKLOG.full
  const place = await bench.servers.place()
  const running = await startService()(place, bench.keys)
  const send = (name: string, firstEvent: number, options: { appliesEvents?: boolean } = {}) =>
    measure(
      bench,
      name,
      running,
      place,
      { provider: 'sendgrid', firstEvent, deliveries: DELIVERIES, eventsPerDelivery: PER_DELIVERY },
      options,
    )
  await send('warming up', 0)
  const without = await send('without a backlog', 1_000_000)
  await running.stop()

  await addHistory(place, { events, status: 'queued', days: [1, 0] }, bench.progress)
  const restarted = await startService()(place, bench.keys)
  const pids = restarted.pids
  await Promise.all(pids.map(forgetPeak))
  const startedAt = performance.now()
  const before = await pending(place)
  running.ports = restarted.ports
  running.pids = pids
  // What is sent now waits behind the backlog: only its answers are measured.
  const during = await send('while draining', 2_000_000, { appliesEvents: false })
  const stillDraining = (await pending(place)) > 0
  let left = before
  while (left > 0) {
    await sleep(500)
    left = await pending(place)
    bench.progress(`draining: ${left.toLocaleString('en')} events left`)
  }
  const drained = perSecond(before + during.events, performance.now() - startedAt)
  const memory = Math.max(
    during.memory,
    (await Promise.all(pids.map(peakMebibytes))).reduce((a, b) => a + b),
  )
  await restarted.stop()
  await place.drop()
  if (!stillDraining)
    throw new Error('the backlog was drained before all deliveries were answered: make the backlog larger')
  return {
    results: {
      'SendGrid, 50 events per delivery': {
        'without a backlog': without,
        [`while draining ${events.toLocaleString('en')}`]: {
          ...during,
          endToEnd: drained,
          memory,
        } satisfies Measured,
      },
    },
    targets: [
      { says: 'peak memory while draining, MiB', value: memory, goal: 250, floor: 300, less: true },
      {
        says: 'accepted while draining, against without',
        value: during.accepted / without.accepted,
        goal: 0.5,
        floor: 0.5,
      },
    ],
  }
}

const pending = async ({ db }: Place): Promise<number> => {
  const { rows } = await db.query<{ count: number }>(
    `select (select count(*) from webhook_events where status = 'pending' and next_attempt_at <= now())::int
            + coalesce((select sum(event_count - next_position) from webhook_queue), 0)::int as count`,
  )
  return rows[0]?.count ?? Number.NaN
}
