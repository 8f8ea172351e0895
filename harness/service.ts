import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ended } from './child.ts'
import { onPort } from './port.ts'
import { guardProcess, residentBytes } from './server-process.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LINES_KEPT = 200
/** Milliseconds; a machine that is busy with other things takes a minute to load the program. */
const READY_WITHIN = 180_000

/** The service as production starts it: a process of its own on a port of its own, over several runs. */
export interface ServiceProcess {
  url: string
  /** Spawns it; the previous run must have ended. @param changed of its environment, for this run and later ones */
  start: (changed?: Record<string, string>) => void
  /** Resolves when it can accept deliveries. */
  ready: () => Promise<void>
  isRunning: () => boolean
  /** Sends a signal and waits for the end. @returns the exit code, null after a kill */
  end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>
  /** Runs that ended without being told to. */
  crashes: () => number
  /** Resident memory in bytes; 0 when it does not run. */
  memory: () => Promise<number>
  /** Asks a module loaded with `--import` something; it answers by IPC. */
  ask: (question: string) => Promise<unknown>
  /** The last lines of its log. */
  log: () => string[]
}

/**
 * Prepares the service on a free port.
 *
 * @param nodeOptions given to node before the entry point, such as `--import`.
 */
export const createService = async (
  env: Record<string, string>,
  nodeOptions: string[] = [],
): Promise<ServiceProcess> => {
  const port = await onPort(undefined, async (chosen) => chosen)
  const url = `http://127.0.0.1:${port}`
  const lines: string[] = []
  let child: ChildProcess | undefined
  let told = false
  let crashes = 0

  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null
  let environment = env
  const start = (changed: Record<string, string> = {}) => {
    told = false
    environment = { ...environment, ...changed }
    const started = spawn(process.execPath, [...nodeOptions, 'src/server.ts'], {
      cwd: ROOT,
      env: { ...process.env, LOG_LEVEL: 'warn', HOST: '127.0.0.1', PORT: String(port), ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    child = started
    guardProcess(started, 'KILL')
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        lines.push(...chunk.trimEnd().split('\n'))
        lines.splice(0, lines.length - LINES_KEPT)
      })
    }
    started.once('exit', () => {
      if (!told) crashes++
    })
  }

  return {
    url,
    start,
    isRunning,
    ready: async () => {
      for (const until = Date.now() + READY_WITHIN; Date.now() < until; await sleep(50)) {
        const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(
          () => undefined,
        )
        await answer?.text()
        if (answer?.status === 200) return
        if (!isRunning()) break
      }
      throw new Error(`the service is not ready. It said:\n${lines.slice(-20).join('\n')}`)
    },
    end: async (signal) => {
      if (child === undefined) return null
      told = true
      child.kill(signal)
      await ended(child)
      return child.exitCode
    },
    crashes: () => crashes,
    memory: async () => (child?.pid === undefined ? 0 : residentBytes(child.pid)),
    ask: (question) =>
      new Promise((resolve) => {
        child?.once('message', resolve)
        child?.send(question)
      }),
    log: () => lines,
  }
}
