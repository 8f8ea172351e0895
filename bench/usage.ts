import { readdir, readFile, writeFile } from 'node:fs/promises'

// What processes cost, from Linux's /proc. Elsewhere the figures are NaN and the table shows a dash.

/** Linux counts in hundredths of a second, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100

interface Stat {
  parent: number
  /** Its own and that of its children that have ended. */
  seconds: number
}

const statOf = async (pid: number): Promise<Stat | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The second field, the name in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { parent: Number(fields[1]), seconds: ticks / TICKS_PER_SECOND }
}

/** CPU seconds that a process and its children, living and ended, have used so far. */
export const cpuSeconds = async (pid: number): Promise<number> => {
  const own = await statOf(pid)
  if (own === undefined) return Number.NaN
  const others = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const stats = await Promise.all(others.map(statOf))
  return stats.reduce((sum, stat) => sum + (stat?.parent === pid ? stat.seconds : 0), own.seconds)
}

/** The most memory a process has held at once since `forgetPeak`, in MiB. */
export const peakMebibytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024
}

/** Starts counting the peak again. On kernels that cannot do this it stays the peak since the start. */
export const forgetPeak = (pid: number): Promise<void> =>
  writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {})
