import { setTimeout as sleep } from 'node:timers/promises'
import { percentile, say, shown } from '../harness/say.ts'
import { type Comparison, compare, type Effects } from './effects.ts'
import { type Load, startLoad } from './load.ts'
import type { World } from './world.ts'

/** What a scenario found. */
export interface Result {
  scenario: string
  seconds: number
  rows: [label: string, value: string][]
  /** Why it fails; empty when every promise was kept. */
  faults: string[]
  lost: number
  double: number
}

export interface ScenarioOptions {
  /** How long the faults go on; the scenario chooses when undefined. */
  seconds: number | undefined
  /** A smaller version, for a run of all in two minutes. */
  quick: boolean
}

export interface Scenario {
  title: string
  /** How many events a SendGrid delivery carries, at least and at most. */
  batch?: [number, number]
  /** Its Postgres is a primary with a standby. */
  withStandby?: boolean
  /** It measures what the machine can do, so nothing else may run. */
  alone?: boolean
  run: (world: World, options: ScenarioOptions) => Promise<Observed>
}

/** What the scenario itself saw, besides the counts. */
interface Observed {
  load: Load
  rows?: [label: string, value: string][]
  faults?: string[]
  /** How many runs of the service may end by themselves, in a scenario that tests this. */
  crashesExpected?: boolean
}

/** Load at the scenario's pace, with a progress line now and then. */
export const beginLoad = (
  world: World,
  options: { rate: number; targets?: string[]; copies?: number },
): Load => {
  const { random, traffics } = world
  const targets = options.targets ?? world.services.map(({ url }) => url)
  return startLoad({ ...options, random, traffics, targets })
}

/** Something that goes wrong with a store, and how it ends. */
export type Fault = [name: string, begin: () => Promise<unknown>, end: () => Promise<void>]

/**
 * Lets one fault after the other happen while load runs. Each fault lasts for seven tenths of its time slot.
 *
 * @param options.total milliseconds for all of it.
 */
export const sufferInTurn = async (
  load: Load,
  faults: Fault[],
  { total, rounds }: { total: number; rounds: number },
): Promise<void> => {
  const each = total / faults.length / rounds
  for (let round = 0; round < rounds; round++) {
    for (const [name, begin, end] of faults) {
      await begin()
      await sleep(each * 0.7)
      await end()
      await sleep(each * 0.3)
      say(`  ${name}, ${load.counts.acknowledged} acknowledged, ${load.counts.unavailable} times 503`)
    }
  }
}

/** Milliseconds. After an unclean end, the events of a backlog are applied one at a time. */
const SETTLE_WITHIN = 600_000

/** Waits until nothing is pending any more. @throws when that takes minutes. */
export const settle = async (world: World): Promise<void> => {
  for (const until = Date.now() + SETTLE_WITHIN; ; await sleep(250)) {
    const { rows } = await world.db.query(
      `select (select count(*) from webhook_events where status = 'pending')::int
            + (select count(*) from webhook_queue)::int as pending`,
    )
    if (rows[0].pending === 0) return
    if (Date.now() > until) throw new Error(`${rows[0].pending} events and deliveries are still pending`)
  }
}

/** Counts what is in the inbox and in the domain tables, and compares it with what was sent. */
const count = async (
  world: World,
  observed: Observed,
): Promise<{ comparison: Comparison; accepted: number; missing: number; dead: number; skipped: number }> => {
  const { rows } = await world.db.query<{ provider: string; event_id: string; status: string }>(
    'select provider, event_id, status from webhook_events',
  )
  const stored = new Set(rows.map((row) => `${row.provider} ${row.event_id}`))
  let missing = 0
  for (const [provider, ids] of observed.load.eventIds) {
    for (const id of ids) if (!stored.has(`${provider} ${id}`)) missing++
  }
  const expected: Effects = new Map()
  const found: Effects = new Map()
  for (const ledger of world.ledgers) {
    for (const [fact, n] of ledger.expected()) expected.set(fact, n)
    for (const [fact, n] of await ledger.found(world.db)) found.set(fact, n)
  }
  return {
    comparison: compare(expected, found),
    accepted: stored.size,
    missing,
    dead: rows.filter(({ status }) => status === 'dead').length,
    skipped: rows.filter(({ status }) => status === 'skipped').length,
  }
}

/** Runs a scenario to its end: faults, then quiet, then the count. */
export const runScenario = async (
  name: string,
  scenario: Scenario,
  world: World,
  options: ScenarioOptions,
): Promise<Result> => {
  const begunAt = Date.now()
  const observed = await scenario.run(world, options)
  const { load } = observed
  await settle(world)
  const { comparison, accepted, missing, dead, skipped } = await count(world, observed)
  const { counts } = load
  const faults = [...(observed.faults ?? [])]
  const wrong = counts.wrong.values().reduce((sum, n) => sum + n, 0)
  const lost = missing + comparison.lost
  const fault = (when: boolean, what: string) => {
    if (when) faults.push(what)
  }
  const crashes = world.services.reduce((sum, service) => sum + service.crashes(), 0)
  fault(missing > 0, `${missing} acknowledged events are not in the inbox`)
  fault(comparison.lost > 0, `${comparison.lost} effects are missing`)
  fault(comparison.double > 0, `${comparison.double} effects are there that no event should have caused`)
  fault(
    wrong > 0,
    `answers that are neither 200 nor 503: ${JSON.stringify(Object.fromEntries(counts.wrong))}`,
  )
  fault(dead > 0, `${dead} events are dead`)
  fault(skipped > 0, `${skipped} events are skipped`)
  fault(crashes > 0 && observed.crashesExpected !== true, `the service ended by itself ${crashes} times`)
  if (faults.length > 0) {
    for (const example of comparison.examples) say(`  ${example}`)
    for (const service of world.services) for (const line of service.log().slice(-8)) say(`  log: ${line}`)
  }
  return {
    scenario: name,
    seconds: Math.round((Date.now() - begunAt) / 1_000),
    lost,
    double: comparison.double,
    faults,
    rows: [
      ['deliveries sent', shown(counts.sent)],
      ['acknowledged', shown(counts.acknowledged)],
      ['events accepted', shown(accepted)],
      ['effects expected', shown(comparison.expected)],
      ['effects found', shown(comparison.found)],
      ['lost', shown(lost)],
      ['applied twice', shown(comparison.double)],
      ['503 with Retry-After', shown(counts.unavailable)],
      ['other 5xx', shown(wrong)],
      ['refused or cut connections', shown(counts.unanswered)],
      ['longest recovery', `${(counts.longestRecovery / 1_000).toFixed(1)} s`],
      [
        'median / 99 % wait for a 200',
        `${percentile(counts.ackTimes, 50)} / ${percentile(counts.ackTimes, 99)} ms`,
      ],
      ...(observed.rows ?? []),
    ],
  }
}
