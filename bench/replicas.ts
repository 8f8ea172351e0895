import { startService } from './contestants.ts'
import { assertEffects } from './effects.ts'
import { type Bench, type Measured, measure } from './measure.ts'
import { median, medianOf } from './median.ts'
import type { Outcome } from './outcome.ts'

const EVENTS = 40_000
const PER_DELIVERY = 50
const ROUNDS = 3

/** One replica, then two, against one Postgres: in turn, so that both meet the same machine. */
export const replicas = async (bench: Bench): Promise<Outcome> => {
  const rounds: { one: Measured; two: Measured }[] = []
  let deadlocks = 0
  for (let round = 1; round <= (bench.quick ? 1 : ROUNDS); round++) {
    const one = await runReplicas(bench, 1, round)
    const two = await runReplicas(bench, 2, round)
    deadlocks += one.deadlocks + two.deadlocks
    rounds.push({ one: one.measured, two: two.measured })
  }
  const ratio = (figure: (measured: Measured) => number) =>
    median(rounds.map(({ one, two }) => figure(two) / figure(one)))
  return {
    results: {
      'SendGrid, 50 events per delivery': {
        'one replica': medianOf(rounds.map(({ one }) => one)),
        'two replicas': medianOf(rounds.map(({ two }) => two)),
      },
    },
    targets: [
      { says: 'deadlocks', value: deadlocks, goal: 0, floor: 0, less: true },
      {
        says: 'two replicas end to end, against one',
        value: ratio(({ endToEnd = Number.NaN }) => endToEnd),
        goal: 1,
        floor: 0.95,
      },
    ],
  }
}

const runReplicas = async (bench: Bench, count: number, round: number) => {
  const place = await bench.servers.place()
  const running = await startService(count)(place, bench.keys)
  const name = `round ${round}, ${count === 1 ? 'one replica' : `${count} replicas`}`
  const plan = (firstEvent: number, events: number) => ({
    provider: 'sendgrid' as const,
    firstEvent,
    deliveries: events / PER_DELIVERY,
    eventsPerDelivery: PER_DELIVERY,
  })
  const events = bench.quick ? EVENTS / 2 : EVENTS
  await measure(bench, `${name}, warming up`, running, place, plan(0, events / 5))
  const measured = await measure(bench, name, running, place, plan(1_000_000, events))
  await running.stop()
  await assertEffects(name, place, [
    { firstEvent: 0, events: events / 5 },
    { firstEvent: 1_000_000, events },
  ])
  const { rows } = await place.db.query<{ deadlocks: number }>(
    'select deadlocks::int from pg_stat_database where datname = current_database()',
  )
  await place.drop()
  return { measured, deadlocks: rows[0]?.deadlocks ?? Number.NaN }
}
