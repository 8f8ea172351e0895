import { Command } from 'commander'
import type pg from 'pg'
import type { Operator } from '../operations/audit.ts'
import { countEvents, listEvents } from '../operations/events.ts'
import type { EventFilter } from '../operations/matching.ts'
import { errorGroups } from '../operations/overview.ts'
import { discardDead } from '../operations/replay.ts'
import { list, replayCommand } from './events.ts'
import { CommandError } from './outcome.ts'
import { confirm, printJson, printTable, remark } from './output.ts'
import {
  byShell,
  findIds,
  jsonOption,
  readCount,
  reasonOption,
  toFilter,
  withSelection,
  yesOption,
} from './selection.ts'
import { withDatabase } from './stores.ts'

const DEAD = { status: 'dead' } as const
const AT_ONCE = 500

export const deadCommand = (): Command =>
  new Command('dead')
    .addCommand(
      withSelection(new Command('list'), { status: false })
        .description('list dead events, the newest first')
        .option('--by-error', 'count them by error instead')
        .option('--limit <number>', 'at most this many', readCount, 20)
        .option('--after <position>', 'continue after a page: the "next" value it ended with')
        .addOption(jsonOption())
        .action((options) =>
          withDatabase(async (pool) => {
            const filter = await toFilter(pool, { ...options, ...DEAD })
            if (options.byError) return listByError(pool, filter, options.json)
            await list(pool, filter, options)
          }),
        ),
    )
    .addCommand(replayCommand(withSelection(new Command('replay'), { status: false }), DEAD))
    .addCommand(
      withSelection(new Command('discard'), { status: false })
        .description('give up on dead events for good: they become skipped and no longer alert')
        .argument(
          '[events...]',
          'row ids or provider ids; without any, all dead events that match the options',
        )
        .addOption(reasonOption())
        .addOption(yesOption())
        .addOption(jsonOption())
        .action((names: string[], options) =>
          withDatabase(async (pool) => {
            const by = byShell(options.reason)
            const discarded =
              names.length > 0
                ? await discardIds(pool, await findIds(pool, names), by)
                : await discardMatching(pool, await toFilter(pool, { ...options, ...DEAD }), by, options.yes)
            if (options.json) printJson({ discarded })
            else console.log(`${discarded} discarded`)
            if (discarded === 0)
              throw new CommandError('None of these events is dead, so nothing was discarded.', 'notFound')
          }),
        ),
    )

const listByError = async (pool: pg.Pool, filter: EventFilter, json?: boolean): Promise<void> => {
  const { groups, more } = await errorGroups(pool, filter)
  if (json) return printJson({ groups, more })
  printTable(
    ['events', 'provider', 'types', 'first', 'newest', 'error'],
    groups.map((group) => [
      group.count,
      group.providers.join(', '),
      group.types.join(', '),
      group.firstReceivedAt,
      group.newestReceivedAt,
      group.error,
    ]),
  )
  if (more) remark('there are more: only the newest are counted')
}

const discardIds = async (pool: pg.Pool, ids: string[], by: Operator): Promise<number> => {
  let discarded = 0
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    discarded += await discardDead(pool, ids.slice(from, from + AT_ONCE), by, new Date())
  }
  return discarded
}

const discardMatching = async (
  pool: pg.Pool,
  filter: EventFilter,
  by: Operator,
  yes: boolean | undefined,
): Promise<number> => {
  const { count, more } = await countEvents(pool, filter, 10_000)
  if (count === 0) return 0
  await confirm(`Discard ${more ? `more than ${count}` : count} dead events for good?`, yes)
  let discarded = 0
  for (let after: string | undefined; ; ) {
    const { events, next } = await listEvents(pool, filter, { limit: AT_ONCE, after })
    discarded += await discardIds(
      pool,
      events.map((event) => event.id),
      by,
    )
    if (next === null) return discarded
    after = next
  }
}
