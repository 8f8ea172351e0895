import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../../src/cli/webhooks.ts', import.meta.url))

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the command line as a process of its own, without a terminal. */
export const webhooks = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
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
