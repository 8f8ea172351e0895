import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ended } from '../../harness/child.ts'
import { guardProcess } from '../../harness/server-process.ts'

/** Senders that are no providers, in a process of their own: they must not slow the load down that is measured. */
export interface Strangers<Report> {
  /** What they told last. */
  report: () => Report | undefined
  end: () => Promise<void>
}

/** Starts one of the programs beside this file. They report by IPC, some times a second. */
export const startStrangers = <Report>(program: string, ...args: (string | number)[]): Strangers<Report> => {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args.map(String))
  guardProcess(child, 'KILL')
  let report: Report | undefined
  child.on('message', (message) => {
    report = message as Report
  })
  return {
    report: () => report,
    end: async () => {
      child.kill('SIGKILL')
      await ended(child)
    },
  }
}
