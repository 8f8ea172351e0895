import { type ChildProcess, fork, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../../src/cli/webhooks.ts', import.meta.url))
const RUNNER = fileURLToPath(new URL('runner.ts', import.meta.url))

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

let runner: ChildProcess | undefined
let asked = 0

const startRunner = (): ChildProcess => {
  const child = fork(RUNNER, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.setMaxListeners(0)
  child.unref()
  child.channel?.unref()
  return child
}

/** Runs the command line in another process, without a terminal. Commands run one after the other. */
export const webhooks = (args: string[], env: Record<string, string> = {}): Promise<Ended> => {
  if (runner?.connected !== true) runner = startRunner()
  const child = runner
  const number = ++asked
  child.channel?.ref()
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the command line ended: ${code}`))
    const answer = (message: Ended & { number: number }) => {
      if (message.number !== number) return
      child.off('message', answer).off('exit', ended)
      if (child.listenerCount('message') === 0) child.channel?.unref()
      const { code, stdout, stderr } = message
      resolve({ code, stdout, stderr })
    }
    child.on('message', answer).on('exit', ended)
    child.send({ number, args, env })
  })
}

/** The same in a process of its own, as operators do. */
export const webhooksAlone = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended: Ended = { code: null, stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk) => {
        ended[name] += chunk
      })
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ ...ended, code }))
  })
