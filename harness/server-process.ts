import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'
import { ended } from './child.ts'

export interface ServerProcessOptions {
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  /** The user to run it as; only root may choose one. */
  user?: { uid: number; gid: number } | undefined
  /** A piece of the line it logs once it answers. */
  ready: string
  /** What ends it when this process is gone. */
  endSignal: 'INT' | 'QUIT' | 'KILL'
  /** A folder to delete after that. */
  folderToDelete?: string | undefined
}

/** A server program running as a child of this process. */
export interface ServerProcess {
  pid: number
  isRunning: () => boolean
  /** Sends the signal, also to a stopped (SIGSTOP) process, and waits for the end. */
  end: (signal: NodeJS.Signals) => Promise<void>
}

/** Milliseconds for a server to answer; a Postgres that recovers needs a while. */
const START_WITHIN = 60_000
const LINES_KEPT = 40

// 10 s to end by itself; where nothing reaps orphans a dead process seems to live on, hence the limit.
const GUARD = `
read -r _
kill -CONT "$1"; kill -"$2" "$1"
for _ in $(seq 100); do kill -0 "$1" || break; sleep 0.1; done
kill -KILL "$1"
[ -z "$3" ] || rm -rf "$3"
`

/**
 * Ends a child of this process when this process is gone, kill -9 included: a guard waits at a pipe that closes
 * then. Unlike an exit hook it misses no way to die, and unlike Linux's parent-death signal it works everywhere.
 */
export const guardProcess = (
  child: ChildProcess,
  endSignal: 'INT' | 'QUIT' | 'KILL' | 'TERM',
  folderToDelete = '',
): void => {
  const guard = spawn('sh', ['-c', GUARD, 'guard', String(child.pid), endSignal, folderToDelete], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  const pipe = guard.stdin as Socket
  pipe.unref()
  pipe.on('error', () => {}) // the guard is killed while its pipe is open
  child.once('exit', () => guard.kill('SIGKILL'))
}

/**
 * Starts a server and waits until it answers. It has a session of its own, so that Ctrl-C reaches this process
 * alone, which can then finish its work before it ends the server.
 *
 * @throws with the end of the server's log when it ends instead; with code ENOENT when there is no such program.
 */
export const startServerProcess = async (options: ServerProcessOptions): Promise<ServerProcess> => {
  const { command, args, env, user, ready, endSignal, folderToDelete = '' } = options
  const child = spawn(command, args, {
    ...user,
    env,
    cwd: '/', // the user it runs as may not be allowed into ours
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await once(child, 'spawn')
  guardProcess(child, endSignal, folderToDelete)

  const isRunning = () => child.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isRunning()) return
    child.kill(signal)
    child.kill('SIGCONT')
    await ended(child)
  }

  const log: string[] = []
  const answers = new Promise<boolean>((resolve) => {
    const read = (chunk: string) => {
      if (chunk.includes(ready)) resolve(true)
      log.push(...chunk.trimEnd().split('\n'))
      log.splice(0, log.length - LINES_KEPT)
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    child.once('close', () => resolve(false))
    setTimeout(() => resolve(false), START_WITHIN).unref()
  })
  if (!(await answers)) {
    await end('SIGKILL')
    throw new Error(`${command} did not start. It said:\n${log.join('\n')}`)
  }
  return { pid: child.pid as number, isRunning, end }
}

const run = promisify(execFile)

/** Sends a signal to a process and its children. */
export const signalTree = async (pid: number, signal: NodeJS.Signals): Promise<void> => {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid='])
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const children = pairs.filter(([, parent]) => parent === pid).map(([child]) => child as number)
  for (const target of [pid, ...children]) {
    try {
      process.kill(target, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH' || target === pid) throw error // a child may have ended
    }
  }
}

/** What a process holds in memory now, in bytes; 0 when it is gone. */
export const residentBytes = async (pid: number): Promise<number> => {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    return 1_024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  }
  return run('ps', ['-o', 'rss=', '-p', String(pid)]).then(
    ({ stdout }) => 1_024 * Number(stdout),
    () => 0,
  )
}

/** What a process was started with; empty when it is gone. */
export const commandLine = async (pid: string): Promise<string> => {
  if (!/^\d+$/.test(pid)) return ''
  if (process.platform === 'linux') {
    return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') // a minimal image has no ps
  }
  return run('ps', ['-o', 'args=', '-p', pid]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
}
