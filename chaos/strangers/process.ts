import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ended } from '../../harness/child.ts'
import { guardProcess } from '../../harness/server-process.ts'

/** Senders that are not providers, in a process of their own so that they do not slow down the measured load. */
export interface Strangers<Report> {
  /** Their last report. */
  report: () => Report | undefined
  end: () => Promise<void>
}

/** Starts one of the programs beside this file. They report by IPC, several times a second. */
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
