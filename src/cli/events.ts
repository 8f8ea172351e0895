import { Command } from 'commander'
import type pg from 'pg'
import { counted } from '../counted.ts'
import { changeWords } from '../operations/change-words.ts'
import { attemptsOf, changesOf } from '../operations/changes.ts'
import { countEvents, type EventSummary, listEvents, showEvent } from '../operations/events.ts'
import type { EventFilter } from '../operations/matching.ts'
import { type Replayed, replayEvents, replayMatching } from '../operations/replay.ts'
import { visibleJson } from '../visible-text.ts'
import { CommandError } from './outcome.ts'
import { confirm, plain, printFields, printJson, printTable, printTitle, remark } from './output.ts'
import {
  byShell,
  findIds,
  isEmpty,
  jsonOption,
  readCount,
  reasonOption,
  type Selection,
  toFilter,
  withSelection,
  yesOption,
} from './selection.ts'
import { withDatabase } from './stores.ts'
import { tailEvents } from './tail.ts'

export const eventsCommand = (): Command =>
  new Command('events')
    .addCommand(
      withSelection(new Command('list'))
        .description('list events, the newest first')
        .option('--limit <number>', 'at most this many', readCount, 20)
        .option('--after <position>', 'continue after a page: the "next" value it ended with')
        .addOption(jsonOption())
        .action((options) =>
          withDatabase(async (pool) => list(pool, await toFilter(pool, options), options)),
        ),
    )
    .addCommand(
      new Command('show')
        .description('show one event: payload, timeline, notifications')
        .argument('<event>', 'its row id, or the id its provider gave it')
        .addOption(jsonOption())
        .action((name, { json }) => withDatabase((pool) => show(pool, name, json))),
    )
    .addCommand(
      withSelection(new Command('tail'))
        .description('show the newest events, then each that comes, until interrupted (Ctrl-C)')
        .option('--limit <number>', 'start with at most this many existing events', readCount, 10)
        .addOption(jsonOption())
        .action((options) =>
          withDatabase(async (pool) => tailEvents(pool, await toFilter(pool, options), options)),
        ),
    )
    .addCommand(replayCommand(withSelection(new Command('replay')), {}))

/** Replays named events, or all that match; `fixed` narrows what can match. */
export const replayCommand = (command: Command, fixed: Selection): Command =>
  command
    .description('process events again; what was already applied is not applied twice')
    .argument('[events...]', 'row ids or provider ids; without any, all events that match the options')
    .addOption(reasonOption())
    .option('--most <number>', 'at most this many of those that match', readCount, 10_000)
    .addOption(yesOption())
    .addOption(jsonOption())
    .action((names: string[], options) =>
      withDatabase(async (pool) => {
        const by = byShell(options.reason)
        if (names.length > 0) {
          const ids = await findIds(pool, names)
          return report(await replayEvents(pool, ids, by, new Date()), options.json)
        }
        const filter = await toFilter(pool, { ...options, ...fixed })
        if (isEmpty(filter))
          throw new CommandError(
            'Which events? Name them, or select them with an option such as --status or --since.',
            'usage',
          )
        const { count, more } = await countEvents(pool, filter, options.most)
        if (count === 0) throw new CommandError('No event matches.', 'notFound')
        await confirm(`Replay ${more ? 'the newest ' : ''}${counted(count, 'event')}?`, options.yes)
        report(await replayMatching(pool, filter, by, { now: new Date(), most: options.most }), options.json)
      }),
    )

export const list = async (
  pool: pg.Pool,
  filter: EventFilter,
  { limit, after, json }: { limit: number; after?: string; json?: boolean },
): Promise<void> => {
  const page = await listEvents(pool, filter, { limit, after }).catch((error) => {
    if (error instanceof RangeError) throw new CommandError(`--after: ${error.message}`, 'usage')
    throw error
  })
  if (json) return printJson(page)
  // A person who asks for what was not understood wants to know why; the error may say it in fewer words.
  const problemOf = ({ lastError, misunderstood }: EventSummary) =>
    filter.misunderstood ? (misunderstood ?? lastError) : (lastError ?? misunderstood)
  printTable(
    ['id', 'received', 'provider', 'type', 'status', 'about', 'error'],
    page.events.map((event) => [
      event.id,
      event.receivedAt,
      event.provider,
      event.eventType,
      statusOf(event),
      event.subject,
      problemOf(event),
    ]),
  )
  if (page.next !== null) remark(`there are more: --after ${page.next}`)
}

const statusOf = ({ status, waitingSince, attempts }: EventSummary): string => {
  if (status !== 'pending') return status
  if (waitingSince !== null) return 'pending (waits)'
  return attempts > 0 ? `pending (${attempts} failed)` : status
}

const show = async (pool: pg.Pool, name: string, json?: boolean): Promise<void> => {
  const [id] = await findIds(pool, [name])
  const event = id === undefined ? undefined : await showEvent(pool, id)
  if (event === undefined) throw new CommandError(plain(`There is no event ${name}.`), 'notFound')
  const [changes, attempts] = await Promise.all([changesOf(pool, event.id), attemptsOf(pool, event.id)])
  if (json) return printJson({ ...event, changes, failedAttempts: attempts })
  printFields([
    ['id', event.id],
    ['provider', event.provider],
    ['event id', event.eventId],
    ['type', event.eventType],
    ['came by', event.source],
    ['delivery', event.deliveryId],
    ['about', event.subject],
    ['status', statusOf(event)],
    ['attempts', event.attempts],
    ['error', event.lastError],
    ['not understood', event.misunderstood],
    ['occurred', event.occurredAt],
    ['received', event.receivedAt],
    ['processed', event.processedAt],
    ['next attempt', event.nextAttemptAt],
    ['waits since', event.waitingSince],
  ])
  if (attempts.length > 0) {
    printTitle('Failed attempts')
    printTable(
      ['attempt', 'failed', 'error'],
      attempts.map((one) => [one.attempt, one.failedAt, one.error]),
    )
  }
  if (changes.length > 0) {
    printTitle('What it changed')
    printTable(
      ['at', 'row', 'column', 'before', 'after', 'events'],
      changes.flatMap((change) =>
        changeWords(change).map(({ column, before, after }) => [
          change.changedAt,
          `${change.table} ${change.id}`,
          column,
          before,
          after,
          change.events,
        ]),
      ),
    )
  }
  if (event.notifications.length > 0) {
    printTitle('Notifications')
    printTable(
      ['requested', 'channel', 'state', 'retries', 'error'],
      event.notifications.map((one) => [one.requestedAt, one.channel, one.state, one.retries, one.error]),
    )
  }
  if (event.actions.length > 0) {
    printTitle('What operators did')
    printTable(
      ['at', 'action', 'by', 'was', 'reason'],
      event.actions.map((one) => [
        one.actedAt,
        one.action,
        `${one.operator} (${one.via})`,
        one.statusBefore,
        one.reason,
      ]),
    )
  }
  printTitle('Payload')
  console.log(event.payload === undefined ? 'deleted' : visibleJson(JSON.stringify(event.payload, null, 2)))
}

const report = ({ replayed, left, lastDueAt }: Replayed, json?: boolean): void => {
  if (json) printJson({ replayed, left, lastDueAt })
  else
    console.log(
      `${replayed} replayed, ${left} left alone${lastDueAt ? `; the last at ${lastDueAt.toISOString()}` : ''}`,
    )
  if (replayed === 0)
    throw new CommandError(
      'Nothing was replayed: these events are due already, being processed right now, or have lost their payload.',
    )
}
