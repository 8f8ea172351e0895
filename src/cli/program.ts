import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/error.ts'
import { CommandError, EXIT } from './outcome.ts'
import { plain } from './output.ts'

// What operators do from a shell. Results go to standard output and everything else to standard error, so that `--json`
// can be piped.

/** Loaded on demand. */
const COMMANDS: Record<string, { description: string; load: () => Promise<Command> }> = {
  send: {
    description: 'send a made-up, signed delivery to a running service',
    load: async () => (await import('./send.ts')).sendCommand(),
  },
  deliveries: {
    description: 'list or show what came: headers, body, and the events in it',
    load: async () => (await import('./deliveries.ts')).deliveriesCommand(),
  },
  events: {
    description: 'list, show, follow or replay events',
    load: async () => (await import('./events.ts')).eventsCommand(),
  },
  dead: {
    description: 'list, replay or discard events that failed on every attempt',
    load: async () => (await import('./dead.ts')).deadCommand(),
  },
  refused: {
    description: 'see which deliveries were refused, since when, from where and why',
    load: async () => (await import('./refused.ts')).refusedCommand(),
  },
  stripe: {
    description: 'ask Stripe for what did not arrive',
    load: async () => (await import('./stripe.ts')).stripeCommand(),
  },
  keys: {
    description: 'check whether a key verifies a delivery',
    load: async () => (await import('./keys.ts')).keysCommand(),
  },
  mailboxes: {
    description: 'see the health of the mailboxes, and resume those that the guard paused',
    load: async () => (await import('./mailboxes.ts')).mailboxesCommand(),
  },
  status: {
    description: 'show the last 24 hours, what is waiting, and what is dead',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  forget: {
    description: "remove a person's address, names and texts from all this service keeps",
    load: async () => (await import('./forget.ts')).forgetCommand(),
  },
  pause: {
    description: 'stop processing a provider, or one of its event types; deliveries are still accepted',
    load: async () => (await import('./pauses.ts')).pauseCommand(),
  },
  resume: {
    description: 'resume processing of a paused provider or event type',
    load: async () => (await import('./pauses.ts')).resumeCommand(),
  },
  outage: {
    description: 'show what an outage delayed, and what is still missing',
    load: async () => (await import('./outage.ts')).outageCommand(),
  },
  audit: {
    description: 'see who changed what, when and why',
    load: async () => (await import('./audit.ts')).auditCommand(),
  },
  redis: {
    description: 'delete the keys of processed events in Redis',
    load: async () => (await import('./redis.ts')).redisCommand(),
  },
}

/** Errors are thrown to here, so that connections are closed and every error has its exit code. */
const throwInstead = (command: Command): void => {
  command.exitOverride()
  command.commands.forEach(throwInstead)
}

/**
 * Runs a command, as it was typed after `webhooks`.
 *
 * @returns its exit code. What it has to say is printed.
 */
export const run = async (args: string[]): Promise<number> => {
  const program = new Command('webhooks')
    .description('Operate the webhook service: its events, keys and stores.')
    .addHelpText(
      'after',
      `
Exit codes: ${EXIT.ok} done, ${EXIT.failed} failed or refused, ${EXIT.usage} wrong usage or configuration, ${EXIT.notFound} not found, ${EXIT.incomparable} could not compare.
The database is DATABASE_URL, else that of a running \`npm run dev\`.`,
    )
    .showHelpAfterError('(--help shows what is expected)')

  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    const command = args.includes(name) ? await load() : new Command(name)
    program.addCommand(command.description(description))
  }
  throwInstead(program)
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage // commander has printed it already
    if (error instanceof CommandError) {
      console.error(plain(error.message))
      return error.exitCode
    }
    if (error instanceof ConfigError) {
      console.error(error.message)
      return EXIT.usage
    }
    console.error(plain(error instanceof Error ? `Failed: ${error.message || error.name}` : String(error)))
    return EXIT.failed
  }
}
