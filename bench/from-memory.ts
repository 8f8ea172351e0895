import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { MemoryResult, MemoryTask } from './ceilings/from-memory.ts'
import { type Bench, type Measured, perSecond } from './measure.ts'
import type { Place } from './stack.ts'
import { cpuSeconds } from './usage.ts'

/** Runs ceiling (e) in a process of its own. */
export const measureFromMemory = async (
  { servers, progress }: Bench,
  name: string,
  place: Place,
  task: Omit<MemoryTask, 'databaseUrl'>,
): Promise<Measured> => {
  progress(`${name}: ${task.events} events from memory`)
  const argument = JSON.stringify({ ...task, databaseUrl: place.databaseUrl } satisfies MemoryTask)
  const child = fork(fileURLToPath(new URL('ceilings/from-memory.ts', import.meta.url)), [argument])
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with ${code}`)
  })
  gone.catch(() => {})
  await Promise.race([once(child, 'message'), gone]) // all is prepared
  const postgres = servers.stack.postgres.pid()
  const before = await cpuSeconds(postgres)
  child.send('go')
  const [result] = (await Promise.race([once(child, 'message'), gone])) as [MemoryResult]
  const after = await cpuSeconds(postgres)
  const rate = perSecond(task.events, result.milliseconds)
  const perMillion = (seconds: number) => (seconds / task.events) * 1e6
  return {
    events: task.events,
    accepted: rate,
    endToEnd: rate,
    memory: result.memory,
    cpu: { service: perMillion(result.cpuSeconds), postgres: perMillion(after - before), redis: 0 },
  }
}
