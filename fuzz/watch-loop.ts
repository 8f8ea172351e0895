import { monitorEventLoopDelay } from 'node:perf_hooks'

// Loaded into the service by `node --import`, so that nothing of this is in production's code. Asked by IPC, it reports
// how long the event loop was blocked since it was last asked.

/** Milliseconds, as all figures here. */
const LOOK_EVERY = 10

export interface Blocked {
  /**
   * The longest time that the event loop was busy with one thing, in CPU time: on a busy machine the clock also counts
   * waits for a core.
   */
  cpu: number
  /** The longest delay of the event loop by the clock. */
  clock: number
}

const delay = monitorEventLoopDelay({ resolution: LOOK_EVERY })
delay.enable()
let longest = 0
let usedBefore = process.threadCpuUsage()
setInterval(() => {
  const used = process.threadCpuUsage(usedBefore)
  usedBefore = process.threadCpuUsage()
  longest = Math.max(longest, (used.user + used.system) / 1_000)
}, LOOK_EVERY).unref()

process.on('message', () => {
  const blocked: Blocked = { cpu: longest, clock: delay.max / 1e6 }
  process.send?.(blocked)
  longest = 0
  delay.reset()
})
process.channel?.unref() // must not keep the service running
