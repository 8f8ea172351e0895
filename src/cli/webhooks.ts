import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config.ts'
import { deadCommand } from './dead.ts'
import { eventsCommand } from './events.ts'
import { forgetCommand } from './forget.ts'
import { keysCommand } from './keys.ts'
import { mailboxesCommand } from './mailboxes.ts'
import { CommandError, EXIT } from './outcome.ts'
import { plain } from './output.ts'
import { redisCommand } from './redis.ts'
import { refusedCommand } from './refused.ts'
import { sendCommand } from './send.ts'
import { statusCommand } from './status.ts'
import { stripeCommand } from './stripe.ts'

// What operators do from a shell. Everything that is asked for goes to standard output, everything else to the
// standard error, so that `--json` can be piped.

const program = new Command('webhooks')
  .description('Look after the webhook service: its events, its keys, its stores.')
  .addHelpText(
    'after',
    `
Exit codes: ${EXIT.ok} done, ${EXIT.failed} failed or refused, ${EXIT.usage} wrong usage or configuration, ${EXIT.notFound} not found, ${EXIT.incomparable} could not compare.
The database is DATABASE_URL, else that of a running \`npm run dev\`.`,
  )
  .showHelpAfterError('(--help shows what is expected)')
  .addCommand(sendCommand())
  .addCommand(eventsCommand())
  .addCommand(deadCommand())
  .addCommand(refusedCommand())
  .addCommand(stripeCommand())
  .addCommand(keysCommand())
  .addCommand(mailboxesCommand())
  .addCommand(statusCommand())
  .addCommand(forgetCommand())
  .addCommand(redisCommand())

/** Errors are thrown to here, so that connections are closed and every error has its exit code. */
const throwInstead = (command: Command): void => {
  command.exitOverride()
  command.commands.forEach(throwInstead)
}

throwInstead(program)
try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage // commander has told already
  } else if (error instanceof CommandError) {
    console.error(plain(error.message))
    process.exitCode = error.exitCode
  } else if (error instanceof ConfigError) {
    console.error(error.message)
    process.exitCode = EXIT.usage
  } else {
    console.error(plain(error instanceof Error ? `Failed: ${error.message || error.name}` : String(error)))
    process.exitCode = EXIT.failed
  }
}
