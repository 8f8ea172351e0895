import { fillInbox } from '../harness/volume.ts'
import { startService } from './contestants.ts'
import { type Bench, type Measured, measure } from './measure.ts'
import { median, medianOf } from './median.ts'
import type { Outcome } from './outcome.ts'
import type { Place } from './stack.ts'

const HISTORY = { full: 10_000_000, quick: 1_000_000 }
const ROUNDS = 3
const EVENTS = { fifty: 40_000, one: 8_000 }
/** Events to send first: after a checkpoint the first change of each page writes the whole page to the log. */
const WRITTEN_BEFORE = { full: 200_000, quick: 20_000 }

/** An empty inbox and one with millions of processed events, in turn. */
export const volume = async (bench: Bench): Promise<Outcome> => {
  const history = bench.quick ? HISTORY.quick : HISTORY.full
  const full = await bench.servers.place()
  bench.progress(`making ${history.toLocaleString('en')} events`)
  await fillInbox(full.db, history)
  await full.db.query(
    `update webhook_events set status = 'processed', next_attempt_at = null where status = 'pending'`,
  )
  const empty = await bench.servers.place() // after a checkpoint
  const written = bench.quick ? WRITTEN_BEFORE.quick : WRITTEN_BEFORE.full
  const rounds: Record<'empty' | 'full', Both>[] = []
  for (let round = 1; round <= (bench.quick ? 1 : ROUNDS); round++) {
    rounds.push({
      empty: await runBoth(bench, `round ${round}, empty inbox`, empty, round),
      full: await runBoth(
        bench,
        `round ${round}, ${history.toLocaleString('en')} events`,
        full,
        round,
        round === 1 ? written : undefined,
      ),
    })
  }
  await full.drop()
  await empty.drop()
  const rows = (which: keyof Both) => ({
    'empty inbox': medianOf(rounds.map((round) => round.empty[which])),
    [`${history.toLocaleString('en')} processed events`]: medianOf(rounds.map((round) => round.full[which])),
  })
  const target = (says: string, which: keyof Both, figure: (measured: Measured) => number | undefined) => ({
    says: `${says}, against an empty inbox`,
    value: median(
      rounds.map(
        (round) => (figure(round.full[which]) ?? Number.NaN) / (figure(round.empty[which]) ?? Number.NaN),
      ),
    ),
    goal: 0.95,
    floor: 0.85,
  })
  return {
    results: {
      'SendGrid, 50 events per delivery': rows('fifty'),
      'SendGrid, 1 event per delivery': rows('one'),
    },
    targets: [
      target('end to end at 50 per delivery', 'fifty', ({ endToEnd }) => endToEnd),
      target('accepted at 50 per delivery', 'fifty', ({ accepted }) => accepted),
      target('accepted at 1 per delivery', 'one', ({ accepted }) => accepted),
    ],
  }
}

interface Both {
  fifty: Measured
  one: Measured
}

const runBoth = async (
  bench: Bench,
  name: string,
  place: Place,
  round: number,
  warmUp = EVENTS.fifty / 5,
): Promise<Both> => {
  const running = await startService()(place, bench.keys)
  let firstEvent = round * 1_000_000
  const run = async (events: number, eventsPerDelivery: number) => {
    const deliveries = Math.ceil(events / eventsPerDelivery)
    const measured = await measure(bench, name, running, place, {
      provider: 'sendgrid',
      firstEvent,
      deliveries,
      eventsPerDelivery,
    })
    firstEvent += measured.events
    return measured
  }
  await run(warmUp, 50)
  await run(EVENTS.one / 5, 1)
  const both = { fifty: await run(EVENTS.fifty, 50), one: await run(EVENTS.one, 1) }
  await running.stop()
  return both
}
