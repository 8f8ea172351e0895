import { Command } from 'commander'
import type pg from 'pg'
import { outageReport } from '../operations/outage.ts'
import { stepsAfter } from '../operations/outage-steps.ts'
import { CommandError } from './outcome.ts'
import { plain, printJson, printTable, printTitle, remark } from './output.ts'
import { jsonOption, readTime } from './selection.ts'
import { withDatabase } from './stores.ts'

export const outageCommand = (): Command =>
  new Command('outage')
    .requiredOption('--from <time>', 'when it began: a time, or 90m, 6h, 2d ago', readTime)
    .requiredOption('--to <time>', 'when it was over', readTime)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Counts are of deliveries. A delivery that got 503 is recognized by its first event when it comes again. Deliveries refused before their signature was checked are only counted. Runbook: docs/runbooks/database-outage.md`,
    )
    .action((options: { from: Date; to: Date; json?: boolean }) => {
      if (options.from >= options.to) throw new CommandError('--from must be before --to.', 'usage')
      return withDatabase((pool) => report(pool, options))
    })

const report = async (
  pool: pg.Pool,
  { from, to, json }: { from: Date; to: Date; json?: boolean },
): Promise<void> => {
  const now = new Date()
  const found = await outageReport(pool, { from, to, now })
  const steps = stepsAfter(found)
  if (json) return printJson({ ...found, steps })
  printTitle(`From ${from.toISOString()} to ${to.toISOString()}`)
  printTable(
    [
      'provider',
      'accepted',
      'events',
      'got 503',
      'of these signed',
      'came again',
      'last at',
      'missing',
      'drained',
      'pending',
    ],
    found.providers.map((one) => [
      one.provider,
      `${one.accepted.deliveries}${one.accepted.more ? '+' : ''}`,
      `${one.accepted.events}${one.accepted.more ? '+' : ''}`,
      one.unavailable,
      one.signed,
      one.cameAgain.deliveries,
      one.cameAgain.lastAt,
      one.missing.deliveries,
      one.drainedAt,
      one.pending,
    ]),
  )
  if (found.putOff.length > 0) {
    printTitle('Signed deliveries that got 503')
    printTable(
      ['first at', 'provider', 'events', 'times', 'came again', 'delivery'],
      found.putOff.map((one) => [
        one.at,
        one.provider,
        one.events,
        one.tries,
        one.cameAgainAt ?? 'missing',
        one.deliveryId,
      ]),
    )
    if (found.more) remark('there are more: narrow the times')
  }
  if (found.marks.length > 0) {
    printTitle('What the service noted')
    printTable(
      ['at', 'what', 'until', 'where', 'version'],
      found.marks.map((mark) => [mark.at, mark.kind, mark.endedAt, mark.instance, mark.detail]),
    )
  }
  printTitle('What to do')
  for (const step of steps) console.log(plain(`- ${step}`))
}
