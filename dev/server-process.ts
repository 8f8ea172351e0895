import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'

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

/**
 * Watches this process through a pipe: however it ends, kill -9 included, the pipe closes and the guard ends the
 * server. Unlike an exit hook it misses no way to die, and unlike Linux's parent-death signal it works everywhere.
 */
const GUARD = `
read -r _
kill -CONT "$1"; kill -"$2" "$1"
for _ in $(seq 100); do kill -0 "$1" || break; sleep 0.1; done
kill -KILL "$1"
[ -z "$3" ] || rm -rf "$3"
`

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
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await once(child, 'spawn')
  const pid = child.pid as number

  const guard = spawn('sh', ['-c', GUARD, 'guard', String(pid), endSignal, folderToDelete], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  const pipe = guard.stdin as Socket
  pipe.unref()
  pipe.on('error', () => {}) // the guard is killed while its pipe is open

  const isRunning = () => child.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isRunning()) return
    child.kill(signal)
    child.kill('SIGCONT')
    await ended
  }
  void ended.then(() => guard.kill('SIGKILL'))

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
  return { pid, isRunning, end }
}
