import { Command, Option } from 'commander'
import type pg from 'pg'
import { curlOf } from '../operations/curl.ts'
import { type DeliverySummary, listDeliveries, showDelivery } from '../operations/deliveries.ts'
import { timesOf } from '../operations/delivery-times.ts'
import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'
import { visible } from '../visible-text.ts'
import { CommandError } from './outcome.ts'
import { plain, printFields, printJson, printTable, printTitle, remark } from './output.ts'
import { jsonOption, readCount, readTime } from './selection.ts'
import { withDatabase } from './stores.ts'

interface ListOptions {
  provider?: ProviderName
  since?: Date
  until?: Date
  queued?: boolean
  limit: number
  after?: string
  json?: boolean
}

export const deliveriesCommand = (): Command =>
  new Command('deliveries')
    .description('list or show what came: headers, body, and the events in it')
    .addCommand(
      new Command('list')
        .description('list deliveries, the newest first')
        .addOption(new Option('--provider <name>', 'of this provider').choices(PROVIDER_NAMES))
        .option('--since <time>', 'received since: a time, or 90m, 6h, 2d ago', readTime)
        .option('--until <time>', 'received before', readTime)
        .option('--queued', 'only those that are not processed yet')
        .option('--limit <number>', 'at most this many', readCount, 20)
        .option('--after <id>', 'continue after a page: the "next" value it ended with')
        .addOption(jsonOption())
        .action((options: ListOptions) => withDatabase((pool) => list(pool, options))),
    )
    .addCommand(
      new Command('show')
        .description('show one delivery: headers, body, events')
        .argument('<id>', 'its row id, as lists and events show it')
        .addOption(jsonOption())
        .action((id: string, { json }: { json?: boolean }) => withDatabase((pool) => show(pool, id, json))),
    )

    .addCommand(
      new Command('curl')
        .description(
          'print a shell command that posts it to your own service, signed with the key of that service',
        )
        .argument('<id>', 'its row id')
        .addHelpText(
          'after',
          `
Paste it in the project's folder while npm run dev runs, or set the key and URL of another service (the command says which).`,
        )
        .action((id: string) => withDatabase((pool) => curl(pool, id))),
    )

const list = async (pool: pg.Pool, { limit, after, json, ...filter }: ListOptions): Promise<void> => {
  const page = await listDeliveries(pool, filter, { limit, after })
  if (json) return printJson(page)
  printTable(
    ['id', 'received', 'provider', 'events', 'state', 'bytes'],
    page.deliveries.map((one) => [
      one.id,
      one.receivedAt,
      one.provider,
      one.eventCount,
      stateOf(one),
      one.size,
    ]),
  )
  if (page.next !== null) remark(`there are more: --after ${page.next}`)
}

const stateOf = ({ state, doneEvents, eventCount }: DeliverySummary): string =>
  state === 'queued' && doneEvents > 0 ? `queued (${doneEvents} of ${eventCount} done)` : state

const show = async (pool: pg.Pool, id: string, json?: boolean): Promise<void> => {
  const delivery = await showDelivery(pool, id)
  if (delivery === undefined) throw new CommandError(plain(`There is no delivery ${id}.`), 'notFound')
  const times = timesOf(delivery)
  if (json) return printJson({ ...delivery, bytes: undefined, times })
  printFields([
    ['id', delivery.id],
    ['provider', delivery.provider],
    ['state', stateOf(delivery)],
    ['accepted', delivery.receivedAt],
    ['queued for', times.queuedMs === null ? null : `${times.queuedMs} ms`],
    ['processed', times.firstAt],
    ['last event', times.lastAt],
    ['pending', times.pending],
    ['dead', times.dead],
    ['events', delivery.eventCount],
    ['bytes', delivery.size],
  ])
  printTitle('Headers')
  printFields(Object.entries(delivery.headers ?? { none: 'not kept' }))
  printTitle('New events')
  printTable(
    ['place', 'id', 'event id', 'type', 'status', 'processed'],
    delivery.events.map((one) => [
      one.position,
      one.id,
      one.eventId,
      one.eventType,
      one.status,
      one.processedAt,
    ]),
  )
  printTitle('Body')
  console.log(visible(delivery.body))
}

const curl = async (pool: pg.Pool, id: string): Promise<void> => {
  const delivery = await showDelivery(pool, id)
  if (delivery === undefined) throw new CommandError(plain(`There is no delivery ${id}.`), 'notFound')
  const script = await curlOf(delivery.provider, delivery.bytes)
  if (script === undefined)
    throw new CommandError(
      'There is nothing left to post: its content was removed with a person’s data.',
      'notFound',
    )
  console.log(script)
}
