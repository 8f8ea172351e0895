import type { Running } from './contestants.ts'
import { type Curve, watchEffects } from './effects.ts'
import type { Load } from './load/load.ts'
import type { Plan, Sent } from './load/plan.ts'
import type { BenchStack, Place } from './stack.ts'
import { cpuSeconds, forgetPeak, peakMebibytes } from './usage.ts'

/** One contestant's figures for one plan. Rates are events per second, times milliseconds. */
export interface Measured {
  events: number
  /** Answered with 200, from the first request to the last answer. */
  accepted: number
  /** Effects committed, from the first request to the last effect. Absent where nothing is applied. */
  endToEnd?: number
  ack?: Percentiles
  /** From the sending of a delivery to the effect of its last event. */
  lag?: Percentiles
  /** Peak resident memory of the contestant's processes, in MiB. */
  memory: number
  /** CPU seconds per million events. */
  cpu: { service: number; postgres: number; redis: number }
  /** Bytes that Postgres wrote to its log per event. */
  log?: number
  /** Bytes by which the inbox's tables and indexes grew per event, payloads included. Absent where there is no inbox. */
  disk?: number
  /** Part of the time in which the load generator was busy, 0 to 1. */
  generatorBusy?: number
}

interface Percentiles {
  p50: number
  p99: number
  p999: number
}

export interface Bench {
  servers: BenchStack
  load: Load
  /** The settings with which a contestant verifies what the load generator signs. */
  keys: Record<string, string>
  /** Shows what is under way. */
  progress: (text: string) => void
  /** Fewer rounds, fewer events. */
  quick: boolean
}

/** A plan without the parts that the contestant or the benchmark fills in. */
export type Wanted = Omit<Plan, 'ports' | 'connections' | 'within'> &
  Partial<Pick<Plan, 'connections' | 'within'>>

/**
 * As many connections as keep a program busy. One that answers only after a commit keeps each waiting, so it needs more
 * when deliveries have few events.
 */
const connectionsFor = (eventsPerDelivery: number) => (eventsPerDelivery === 1 ? 128 : 32)
const WITHIN = 120_000

/**
 * Sends a plan and waits until its effects are there.
 * @param appliesEvents false for a program that keeps nothing.
 * @throws when a delivery is refused or its effects do not come.
 */
export const measure = async (
  { servers, load, progress }: Bench,
  name: string,
  running: Running,
  place: Place,
  wanted: Wanted,
  { appliesEvents = true } = {},
): Promise<Measured> => {
  const plan = {
    connections: connectionsFor(wanted.eventsPerDelivery),
    within: WITHIN,
    ...wanted,
    ports: running.ports,
  }
  progress(`${name}: signing ${plan.deliveries * plan.eventsPerDelivery} events`)
  await load.prepare(plan)
  await Promise.all(running.pids.map(forgetPeak))
  const cpu = await startCpu({
    service: running.pids,
    postgres: [servers.stack.postgres.pid()],
    redis: [servers.stack.redis.pid()],
  })
  const storage = await startStorage(place)
  const effects = appliesEvents ? await watchEffects(place) : undefined
  const sent = await load.send(plan, (answered) =>
    progress(`${name}: ${answered * plan.eventsPerDelivery} events answered`),
  )
  if (Object.keys(sent.refused).length > 0) {
    throw new Error(`${name} refused deliveries: ${JSON.stringify(sent.refused)}`)
  }
  const events = sent.answeredAt.length * plan.eventsPerDelivery
  const curve = await effects?.until(events, (seen) =>
    progress(`${name}: ${seen} of ${events} events applied`),
  )
  const used = await cpu()
  const grown = await storage(events)
  const memory = await Promise.all(running.pids.map(peakMebibytes))
  const start = sent.sentAt[0] ?? 0
  return {
    events,
    accepted: perSecond(events, sent.answeredAt.reduce((a, b) => Math.max(a, b)) - start),
    ...(curve && {
      endToEnd: perSecond(events, (curve.at(-1)?.at ?? 0) - start),
      lag: percentiles(lags(sent, plan.eventsPerDelivery, curve)),
    }),
    ack: percentiles(sent.answeredAt.map((at, i) => at - (sent.sentAt[i] ?? 0))),
    memory: memory.reduce((a, b) => a + b),
    cpu: {
      service: used('service', events),
      postgres: used('postgres', events),
      redis: used('redis', events),
    },
    ...grown,
    generatorBusy: sent.busy,
  }
}

/** @returns a function that, called at the end, gives what each used per million events. */
const startCpu = async <T extends Record<string, number[]>>(processes: T) => {
  const now = async () => {
    const used = new Map<string, number>()
    for (const [name, pids] of Object.entries(processes)) {
      const seconds = await Promise.all(pids.map(cpuSeconds))
      used.set(
        name,
        seconds.reduce((a, b) => a + b, 0),
      )
    }
    return used
  }
  const before = await now()
  return async () => {
    const after = await now()
    return (name: keyof T & string, events: number) =>
      (((after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN)) / events) * 1e6
  }
}

/** @returns a function that, called at the end, gives what each event added to the log and to the inbox's tables. */
const startStorage = async ({ db }: Place) => {
  const now = async () => {
    const { rows } = await db.query<{ log: number; disk: number }>(
      `select (pg_current_wal_insert_lsn() - '0/0')::float8 as log,
              coalesce(sum(pg_total_relation_size(oid)), 0)::float8 as disk
       from pg_class where relname like 'webhook\\_%' and relkind = 'r'`,
    )
    return rows[0] ?? { log: Number.NaN, disk: Number.NaN }
  }
  const before = await now()
  return async (events: number): Promise<Pick<Measured, 'log' | 'disk'>> => {
    const after = await now()
    const disk = (after.disk - before.disk) / events
    return { log: (after.log - before.log) / events, ...(disk > 0 && { disk }) }
  }
}

/** @param milliseconds the time in which they happened */
export const perSecond = (count: number, milliseconds: number): number => (count / milliseconds) * 1_000

const percentiles = (values: Float64Array): Percentiles => {
  const sorted = values.toSorted()
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

/** Events take effect roughly in the order in which they are sent, so the k-th sent counts as the k-th applied. */
const lags = (sent: Sent, eventsPerDelivery: number, curve: Curve): Float64Array => {
  let point = 0
  return sent.sentAt.map((at, i) => {
    while ((curve[point]?.seen ?? Number.POSITIVE_INFINITY) < (i + 1) * eventsPerDelivery) point++
    return (curve[point]?.at ?? Number.NaN) - at
  })
}
