import { Command, Option } from 'commander'
import type pg from 'pg'
import {
  listRefused,
  REFUSAL_REASONS,
  type RefusedFilter,
  refusedGroups,
  showRefused,
} from '../operations/refused.ts'
import { PROVIDER_NAMES } from '../providers/index.ts'
import { visible } from '../visible-text.ts'
import { CommandError } from './outcome.ts'
import { plain, printFields, printJson, printTable, printTitle } from './output.ts'
import { jsonOption, readCount } from './selection.ts'
import { withDatabase } from './stores.ts'

const WEEK = 7 * 86_400_000

export const refusedCommand = (): Command =>
  new Command('refused')
    .addCommand(
      new Command('list')
        .description('list refused deliveries by reason, and the newest that were kept')
        .addOption(new Option('--provider <name>', 'of this provider').choices(PROVIDER_NAMES))
        .addOption(new Option('--reason <reason>', 'refused for this').choices(REFUSAL_REASONS))
        .option('--limit <number>', 'at most this many of those that were kept', readCount, 20)
        .addOption(jsonOption())
        .addHelpText(
          'after',
          `
Counts are those of the last 7 days. Of each provider and reason the first 20 of a minute are kept, of these the newest 50.`,
        )
        .action((options: RefusedFilter & { limit: number; json?: boolean }) =>
          withDatabase((pool) => list(pool, options)),
        ),
    )
    .addCommand(
      new Command('show')
        .description('show one that was kept: diagnosis, headers, the first 4 KiB of its body')
        .argument('<id>', 'as the list shows it')
        .addOption(jsonOption())
        .action((id: string, { json }: { json?: boolean }) => withDatabase((pool) => show(pool, id, json))),
    )

const list = async (
  pool: pg.Pool,
  { limit, json, ...filter }: RefusedFilter & { limit: number; json?: boolean },
): Promise<void> => {
  const now = new Date()
  const [groups, deliveries] = await Promise.all([
    refusedGroups(pool, new Date(now.getTime() - WEEK), now, filter),
    listRefused(pool, filter, limit),
  ])
  if (json) return printJson({ groups, deliveries })
  printTitle('In the last 7 days')
  printTable(
    ['deliveries', 'provider', 'reason', 'first', 'last', 'last accepted', 'from', 'diagnosis'],
    groups.map((group) => [
      group.count,
      group.provider,
      group.reason,
      group.firstAt,
      group.lastAt,
      group.lastAcceptedAt,
      group.sources.join(', '),
      group.diagnosis,
    ]),
  )
  printTitle('Kept, the newest first')
  printTable(
    ['id', 'refused', 'provider', 'reason', 'from', 'diagnosis', 'because'],
    deliveries.map((one) => [
      one.id,
      one.refusedAt,
      one.provider,
      one.reason,
      one.source,
      one.diagnosis,
      one.because,
    ]),
  )
}

const show = async (pool: pg.Pool, id: string, json?: boolean): Promise<void> => {
  const refused = await showRefused(pool, id)
  if (refused === undefined) throw new CommandError(plain(`There is no refused delivery ${id}.`), 'notFound')
  const { headers, body } = refused
  const text = body?.toString('utf8') ?? null
  if (json) return printJson({ ...refused, body: text })
  printFields([
    ['id', refused.id],
    ['provider', refused.provider],
    ['reason', refused.reason],
    ['diagnosis', refused.diagnosis],
    ['because', refused.because],
    ['refused', refused.refusedAt],
    ['from', refused.source],
  ])
  printTitle('Headers')
  printFields(Object.entries(headers))
  printTitle('Body (its first 4 KiB)')
  console.log(text === null ? 'nothing had arrived' : visible(text))
}
