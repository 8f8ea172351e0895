import { CONTESTANTS, type Contestant, type Results, WORKLOADS, type Workload } from './comparison-names.ts'
import { targetsOf } from './comparison-targets.ts'
import {
  type Start,
  startAnswerOnly,
  startBullmq,
  startPlain,
  startService,
  startVerifyOnly,
} from './contestants.ts'
import { assertEffects } from './effects.ts'
import { measureFromMemory } from './from-memory.ts'
import { type Bench, type Measured, measure, type Wanted } from './measure.ts'
import { medianOf } from './median.ts'
import type { Outcome } from './outcome.ts'

const HALF_RATE_SECONDS = 6

/** Where the event numbers of each plan start, so that no contestant gets an event twice. */
const FIRST: Record<Workload | 'warmUp', number> = {
  warmUp: 0,
  fifty: 1_000_000,
  one: 2_000_000,
  fiveHundred: 3_000_000,
  halfFifty: 4_000_000,
  halfOne: 5_000_000,
  stripe: 6_000_000,
  mailgun: 7_000_000,
}
const PER_DELIVERY = { fifty: 50, one: 1, fiveHundred: 500, halfFifty: 50, halfOne: 1, stripe: 1, mailgun: 1 }
const providerOf = (workload: Workload) =>
  workload === 'stripe' || workload === 'mailgun' ? workload : 'sendgrid'

/** Events per workload: some seconds for each at the speed it is known to have. */
type Sizes = Partial<Record<Workload, number>>
const SIZES: Record<Contestant, Sizes> = {
  service: { fifty: 60_000, one: 15_000, fiveHundred: 60_000, stripe: 4_000, mailgun: 2_000 },
  bullmq: { fifty: 6_000, one: 5_000, fiveHundred: 6_000 },
  plain: { fifty: 3_000, one: 2_500, fiveHundred: 3_000 },
  verify: { fifty: 100_000, one: 20_000, fiveHundred: 100_000 },
  effects: { fifty: 60_000 },
  answer: { fifty: 100_000, one: 20_000 },
}

/** The service against peers and ceilings, in turn, for as many rounds as the median needs. */
export const comparison = async (bench: Bench): Promise<Outcome> => {
  const rounds: Results[] = []
  const count = bench.quick ? 1 : 3
  for (let round = 1; round <= count; round++) {
    const named = {
      ...bench,
      progress: (text: string) => bench.progress(`round ${round} of ${count}: ${text}`),
    }
    rounds.push(await runRound(named))
  }
  return { results: medians(rounds), targets: targetsOf(rounds) }
}

const runRound = async (bench: Bench): Promise<Results> => {
  const results: Results = {}
  const put = (workload: Workload, contestant: Contestant, measured: Measured) => {
    results[workload] = { ...results[workload], [contestant]: measured }
  }
  const run = async (contestant: Contestant, start: Start, appliesEvents = true) => {
    await onPlace(bench, contestant, start, appliesEvents, async (measureOne) => {
      for (const [workload, events] of Object.entries(SIZES[contestant]) as [Workload, number][]) {
        put(
          workload,
          contestant,
          await measureOne(workload, {
            deliveries: deliveriesOf(workload, bench.quick ? events / 2 : events),
          }),
        )
      }
      if (contestant !== 'service' && contestant !== 'verify') return
      for (const [half, full] of [
        ['halfFifty', 'fifty'],
        ['halfOne', 'one'],
      ] as const) {
        const sustained = results[full]?.service?.endToEnd ?? Number.NaN
        const rate = sustained / 2 / PER_DELIVERY[full]
        put(
          half,
          contestant,
          await measureOne(half, { rate, deliveries: Math.ceil(rate * HALF_RATE_SECONDS) }),
        )
      }
    })
  }
  await run('service', startService())
  await run('verify', startVerifyOnly, false)
  const place = await bench.servers.place()
  const task = { firstEvent: FIRST.fifty, events: SIZES.effects.fifty ?? 0 }
  put('fifty', 'effects', await measureFromMemory(bench, CONTESTANTS.effects, place, task))
  await assertEffects(CONTESTANTS.effects, place, [task])
  await place.drop()
  await run('bullmq', startBullmq)
  await run('plain', startPlain)
  await run('answer', startAnswerOnly, false)
  return results
}

const deliveriesOf = (workload: Workload, events: number) => Math.ceil(events / PER_DELIVERY[workload])

/** Starts a contestant on a database of its own, warms it up, and at the end checks the rows it wrote. */
const onPlace = async (
  bench: Bench,
  contestant: Contestant,
  start: Start,
  appliesEvents: boolean,
  work: (
    measureOne: (workload: Workload, plan: Pick<Wanted, 'deliveries' | 'rate'>) => Promise<Measured>,
  ) => Promise<void>,
): Promise<void> => {
  const name = CONTESTANTS[contestant]
  const sent: { firstEvent: number; events: number }[] = []
  const place = await bench.servers.place()
  const running = await start(place, bench.keys)
  const send = async (plan: Wanted, label: string) => {
    const measured = await measure(bench, `${label}, ${name}`, running, place, plan, { appliesEvents })
    if (plan.provider === 'sendgrid') sent.push({ firstEvent: plan.firstEvent, events: measured.events })
    return measured
  }
  for (const workload of ['fifty', 'one'] as const) {
    // As many as are measured: a program that compiles its code while it runs takes some seconds to be at its speed.
    const events = SIZES[contestant][workload] ?? 0
    const warmUp = deliveriesOf(workload, bench.quick ? events / 5 : events)
    const firstEvent = FIRST.warmUp + (workload === 'one' ? 500_000 : 0)
    const plan = {
      provider: 'sendgrid',
      firstEvent,
      deliveries: warmUp,
      eventsPerDelivery: PER_DELIVERY[workload],
    } as const
    await send(plan, 'warming up')
  }
  await work((workload, plan) =>
    send(
      {
        provider: providerOf(workload),
        firstEvent: FIRST[workload],
        eventsPerDelivery: PER_DELIVERY[workload],
        ...plan,
      },
      WORKLOADS[workload],
    ),
  )
  await running.stop()
  if (appliesEvents) await assertEffects(name, place, sent)
  await place.drop()
}

/** By their titles. */
const medians = (rounds: Results[]): Outcome['results'] => {
  const all: Outcome['results'] = {}
  for (const [workload, title] of Object.entries(WORKLOADS) as [Workload, string][]) {
    for (const [contestant, name] of Object.entries(CONTESTANTS) as [Contestant, string][]) {
      const each = rounds.flatMap((round) => round[workload]?.[contestant] ?? [])
      if (each.length > 0) all[title] = { ...all[title], [name]: medianOf(each) }
    }
  }
  return all
}
