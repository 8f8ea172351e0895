import { setTimeout as sleep } from 'node:timers/promises'
import { say, shown } from '../../harness/say.ts'
import type { ServiceProcess } from '../../harness/service.ts'
import { MAX_OPEN } from '../load.ts'
import { beginLoad, type Scenario } from '../scenario.ts'
import type { Parcel, Traffic } from '../traffic/traffic.ts'

const TIMES = 4
/** Open deliveries that keep the service busy, but not overloaded. */
const BUSY = 32
/** Bytes of resident memory: what three providers' deliveries may hold, and Node with all it loads. */
const MAX_MEMORY = 640 * 1024 * 1024

/** Watches the resident memory. @returns a function that ends that and gives the peak, in bytes */
const watchMemory = (service: ServiceProcess): (() => number) => {
  let peak = 0
  const look = async () => {
    peak = Math.max(peak, await service.memory())
  }
  const timer = setInterval(() => void look(), 50)
  return () => {
    clearInterval(timer)
    return peak
  }
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`

/** Four times the load that the machine sustains, and then Postgres hangs. */
export const overload: Scenario = {
  title: `${TIMES} times the load that the machine sustains, and Postgres hangs meanwhile`,
  batch: [100, 200],
  alone: true,
  run: async (world, { seconds, quick }) => {
    const service = await world.service()
    service.start()
    await service.ready()
    const before = await service.memory()
    const load = beginLoad(world, { rate: 0 })
    // Made beforehand, or this process would be the bottleneck.
    const weighted = world.traffics.flatMap((traffic) => Array<Traffic>(traffic.weight).fill(traffic))
    const make = (count: number): Parcel[] =>
      Array.from({ length: count }, () => world.random.pick(weighted).next())
    const sustain = async (): Promise<number> => {
      const sample = make(quick ? 200 : 400)
      const begunAt = performance.now()
      for (const parcel of sample) {
        while (load.open() >= BUSY) await sleep(2)
        load.post(parcel)
      }
      while (load.open() > 0) await sleep(2)
      return (1_000 * sample.length) / (performance.now() - begunAt)
    }
    await sustain() // warm-up: just after its start the service is several times slower
    const sustained = await sustain()
    say(`  sustained: ${sustained.toFixed(0)} deliveries/s`)

    const total = (seconds ?? 8) * 1_000 // deliveries wait for up to four seconds before they are refused
    const surplus = make(Math.ceil((TIMES * sustained * total) / 1_000))
    const peakOf = async (work: () => Promise<unknown>) => {
      const stop = watchMemory(service)
      await work()
      return stop()
    }
    const overloading = async () => {
      const begunAt = performance.now()
      for (const [n, parcel] of surplus.entries()) {
        const early = () => (performance.now() - begunAt) * TIMES * sustained < n * 1_000
        // With more that are not acknowledged, this process would be measured, and the kernel's queue.
        while (early() || load.open() >= MAX_OPEN) await sleep(2)
        load.post(parcel)
      }
    }
    const refusedBefore = load.counts.unavailable
    const peak = await peakOf(overloading)
    const refused = load.counts.unavailable - refusedBefore
    say(
      `  overloaded: ${shown(refused)} times 503, ${mebibytes(peak)} at most, ${load.open()} deliveries wait`,
    )
    const peakHung = await peakOf(async () => {
      await world.stack.postgres.freeze()
      await sleep(5_000)
      await world.stack.postgres.thaw()
    })
    say(`  and Postgres hung: ${mebibytes(peakHung)} at most, ${load.open()} deliveries wait`)
    await load.finish(240)

    const faults: string[] = []
    if (refused === 0) faults.push('nothing was refused: this was no overload')
    const most = Math.max(peak, peakHung)
    if (most > MAX_MEMORY)
      faults.push(`${mebibytes(most)} of memory, at most ${mebibytes(MAX_MEMORY)} are allowed`)
    return {
      load,
      faults,
      rows: [
        ['sustained', `${sustained.toFixed(0)} deliveries/s`],
        ['memory before', mebibytes(before)],
        ['peak, overloaded', mebibytes(peak)],
        ['peak, Postgres hung', mebibytes(peakHung)],
      ],
    }
  },
}
