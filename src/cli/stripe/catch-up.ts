import { Command, InvalidArgumentError } from 'commander'
import { readStripeApiConfig } from '../../config.ts'
import { counted } from '../../counted.ts'
import { createStripeApi, describeApiError, isApiError } from '../../providers/stripe/reconciliation/api.ts'
import { type CaughtUp, catchUp, DAYS_KEPT } from '../../providers/stripe/reconciliation/catch-up.ts'
import { note } from '../note.ts'
import { CommandError } from '../outcome.ts'
import { printFields, printJson, remark } from '../output.ts'
import { jsonOption, optionalReason, readTime } from '../selection.ts'
import { withDatabase } from '../stores.ts'

const DAY = 86_400_000
/** `--since 30d` is computed before it is compared. */
const LEEWAY = 60_000

export const catchUpCommand = (): Command =>
  new Command('catch-up')
    .description('fetch the events that the inbox lacks')
    .requiredOption(
      '--since <time>',
      `created since: a time, or 36h, 10d ago (at most ${DAYS_KEPT}d)`,
      readSince,
    )
    .addOption(optionalReason())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Needs STRIPE_API_KEY. The running service applies what is fetched. You can repeat it: known events are left alone.
No notification is sent for events older than a day.`,
    )
    .action(run)

const readSince = (text: string): Date => {
  const since = readTime(text)
  const age = Date.now() - since.getTime()
  if (age < 0) throw new InvalidArgumentError('Expected a time in the past.')
  if (age > DAYS_KEPT * DAY + LEEWAY) {
    throw new InvalidArgumentError(
      `Stripe lists the events of ${DAYS_KEPT} days. \`webhooks stripe reconcile\` repairs what is older.`,
    )
  }
  return since
}

const run = async ({
  since,
  reason,
  json,
}: {
  since: Date
  reason: string
  json?: boolean
}): Promise<void> => {
  const config = readStripeApiConfig(process.env)
  let soFar: CaughtUp | undefined
  const progress = (state: CaughtUp) => {
    soFar = state
    remark(`${state.listed} listed back to ${state.reached?.toISOString()}, ${state.accepted} accepted`)
  }
  await withDatabase(async (pool) => {
    try {
      const ended = await catchUp(createStripeApi(config), pool, since, { clock: () => new Date(), progress })
      soFar = ended
      if (json) return printJson({ since, ...ended, known: ended.listed - ended.accepted })
      printFields([
        ['listed', ended.listed],
        ['known before', ended.listed - ended.accepted],
        ['accepted', ended.accepted],
      ])
    } catch (error) {
      if (!isApiError(error)) throw error
      const { accepted } = soFar ?? { accepted: 0 }
      throw new CommandError(`${describeApiError(error, config)}
${counted(accepted, 'event')} ${accepted === 1 ? 'was' : 'were'} accepted before that. Repeat the command to go on.`)
    } finally {
      const change = {
        action: 'catch up',
        subject: `since ${since.toISOString()}`,
        affected: soFar?.accepted ?? 0,
      } as const
      await note(pool, change, reason)
    }
  })
}
