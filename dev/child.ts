import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'

const hasSetpriv = (() => {
  try {
    execFileSync('setpriv', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/**
 * Starts a server that ends with this process, however this process ends: by the kernel where there is `setpriv`
 * (Linux), else on an ordinary exit only.
 *
 * @param deathSignal what the server is sent when this process dies.
 */
export const spawnServer = (
  command: string,
  args: string[],
  {
    deathSignal,
    ids,
    ...options
  }: SpawnOptions & { deathSignal: 'INT' | 'KILL'; ids?: { uid: number; gid: number } },
): ChildProcess => {
  const child = hasSetpriv
    ? spawn(
        'setpriv',
        [
          `--pdeathsig=${deathSignal}`,
          ...(ids ? [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups'] : []),
          command,
          ...args,
        ],
        options,
      )
    : spawn(command, args, { ...options, ...ids })
  const end = () => child.kill(`SIG${deathSignal}`)
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  return child
}

/** Resolves when a process has ended. */
export const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()))
