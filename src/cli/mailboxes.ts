import { Command } from 'commander'
import { mailboxesByHealth, resumeMailbox } from '../operations/mailboxes.ts'
import { CommandError } from './outcome.ts'
import { plain, printJson, printTable } from './output.ts'
import { byShell, jsonOption, optionalReason, readCount } from './selection.ts'
import { withDatabase } from './stores.ts'

export const mailboxesCommand = (): Command =>
  new Command('mailboxes')
    .addCommand(
      new Command('list')
        .description('list mailboxes, the paused ones first, then the worst')
        .option('--limit <number>', 'at most this many', readCount, 50)
        .addOption(jsonOption())
        .action(({ limit, json }: { limit: number; json?: boolean }) =>
          withDatabase(async (pool) => {
            const mailboxes = await mailboxesByHealth(pool, { limit, offset: 0 })
            if (json) return printJson({ mailboxes })
            printTable(
              ['mailbox', 'health', 'bounces', 'spam', 'warned', 'paused', 'why'],
              mailboxes.map((one) => [
                one.email,
                one.healthScore,
                one.bounces,
                one.spamReports,
                one.warnedAt,
                one.pausedAt,
                one.pausedReason,
              ]),
            )
          }),
        ),
    )
    .addCommand(
      new Command('resume')
        .description('let the sending service use a paused mailbox again')
        .argument('<address>', 'the mailbox')
        .addOption(optionalReason())
        .addOption(jsonOption())
        .action((address: string, { reason, json }: { reason: string; json?: boolean }) =>
          withDatabase(async (pool) => {
            const outcome = await resumeMailbox(pool, address, byShell(reason), new Date())
            if (outcome === 'not found') {
              throw new CommandError(plain(`There is no mailbox ${address}.`), 'notFound')
            }
            if (outcome === 'not paused') throw new CommandError(plain(`${address} is not paused.`))
            if (json) printJson({ resumed: address })
            else console.log(plain(`${address} is resumed`))
          }),
        ),
    )
