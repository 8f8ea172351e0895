/** What a script can tell from the exit code. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, incomparable: 4 } as const

/** Ends the command: the message is shown as it is, without a stack. */
export class CommandError extends Error {
  override name = 'CommandError'
  readonly exitCode: number
  constructor(message: string, exit: Exclude<keyof typeof EXIT, 'ok'> = 'failed') {
    super(message)
    this.exitCode = EXIT[exit]
  }
}
