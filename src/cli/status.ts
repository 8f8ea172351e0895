import { Command } from 'commander'
import type pg from 'pg'
import { backlog, countsOver, errorGroups, lastEvents, refusals } from '../operations/overview.ts'
import { listPauses } from '../operations/pauses.ts'
import { PROVIDER_NAMES } from '../providers/index.ts'
import { printJson, printTable, printTitle, remark } from './output.ts'
import { jsonOption } from './selection.ts'
import { withDatabase } from './stores.ts'

const DAY = 86_400_000
const MINUTES_OF_A_DAY = 1_440

export const statusCommand = (): Command =>
  new Command('status')
    .addOption(jsonOption())
    .action(({ json }) => withDatabase((pool) => status(pool, new Date(), json)))

const OUTCOMES = ['processed', 'ignored', 'skipped', 'dead', 'failed', 'duplicate', 'refused'] as const
type Outcome = (typeof OUTCOMES)[number]

const status = async (pool: pg.Pool, now: Date, json?: boolean): Promise<void> => {
  const since = new Date(now.getTime() - DAY)
  const [counts, refused, waiting, last, dead, pauses] = await Promise.all([
    countsOver(pool, { since, stretch: MINUTES_OF_A_DAY }),
    refusals(pool, since),
    backlog(pool, now),
    lastEvents(pool, PROVIDER_NAMES),
    errorGroups(pool),
    listPauses(pool),
  ])
  const providers = PROVIDER_NAMES.map((provider) => {
    const of = counts.filter((count) => count.provider === provider)
    const sum = (outcome: string) =>
      of.filter((count) => count.outcome === outcome).reduce((total, { count }) => total + count, 0)
    const queue = waiting.find((one) => one.provider === provider)
    return {
      provider,
      lastEventAt: last.find((event) => event.provider === provider)?.receivedAt ?? null,
      due: queue?.due ?? 0,
      oldestDueAt: queue?.oldestDueAt ?? null,
      later: queue?.later ?? 0,
      ...(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, sum(outcome)])) as Record<Outcome, number>),
    }
  })
  if (json)
    return printJson({
      now,
      since,
      periods: PERIODS,
      providers,
      pauses,
      refusals: refused,
      dead: dead.groups,
    })

  printTitle('Now')
  printTable(
    ['provider', 'due', 'oldestDueAt', 'later', 'lastEventAt'],
    providers.map((one) => [one.provider, one.due, one.oldestDueAt, one.later, one.lastEventAt]),
  )
  if (pauses.length > 0) {
    printTitle('Paused')
    printTable(
      ['provider', 'type', 'since', 'by', 'reason'],
      pauses.map((one) => [one.provider, one.type, one.pausedAt, one.operator, one.reason]),
    )
  }
  printTitle('The last 24 hours')
  printTable(
    ['provider', ...OUTCOMES],
    providers.map((one) => [one.provider, ...OUTCOMES.map((outcome) => one[outcome])]),
  )
  if (refused.length > 0) {
    printTitle('Refused deliveries, in the last 24 hours')
    printTable(
      ['deliveries', 'provider', 'reason'],
      refused.map(({ count, provider, reason }) => [count, provider, reason]),
    )
    remark('webhooks refused list says since when, from where and why')
  }
  if (dead.groups.length > 0) {
    printTitle('Dead events, of all time')
    printTable(
      ['events', 'provider', 'types', 'error'],
      dead.groups.map(({ count, providers: names, types, error }) => [
        count,
        names.join(', '),
        types.join(', '),
        error,
      ]),
    )
    remark('webhooks dead list shows each; webhooks dead replay gives them another turn')
  }
}

/** Which time each figure covers, for readers of the JSON. */
const PERIODS = {
  now: ['providers.due', 'providers.oldestDueAt', 'providers.later', 'pauses'],
  last24Hours: [...OUTCOMES.map((outcome) => `providers.${outcome}`), 'refusals'],
  allTime: ['providers.lastEventAt', 'dead'],
}
