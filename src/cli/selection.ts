import { userInfo } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { eq } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { EVENT_STATUSES, type EventStatus, webhookEvents } from '../db/schema.ts'
import type { Operator } from '../operations/audit.ts'
import { listEvents } from '../operations/events.ts'
import type { EventFilter } from '../operations/matching.ts'
import { resolveSearch } from '../operations/search.ts'
import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'
import { CommandError } from './outcome.ts'
import { plain, remark } from './output.ts'

/** The options that say which events are meant. */
export interface Selection {
  provider?: ProviderName
  type?: string
  status?: EventStatus
  since?: Date
  until?: Date
  search?: string
  error?: string
  misunderstood?: true
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `2026-11-25T10:00Z`, or how long ago: `90m`, `6h`, `2d`. */
export const readTime = (text: string): Date => {
  const [, number, unit] = /^(\d+)([mhd])$/.exec(text) ?? []
  const at =
    number === undefined
      ? new Date(text)
      : new Date(Date.now() - Number(number) * UNITS[unit as keyof typeof UNITS])
  // Postgres has fewer years than JavaScript.
  if (!(at.getUTCFullYear() >= 1970 && at.getUTCFullYear() < 10_000)) {
    throw new InvalidArgumentError('Expected a time like 2026-11-25T10:00Z, or 90m, 6h, 2d ago.')
  }
  return at
}

export const readCount = (text: string): number => {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0)
    throw new InvalidArgumentError('Expected a number from 1.')
  return Number(text)
}

export const jsonOption = () => new Option('--json', 'print JSON')
export const yesOption = () => new Option('--yes', 'do not ask')
/** Where a reason is not asked for, but kept when it is given. */
export const optionalReason = () =>
  new Option('--reason <text>', 'why; kept with the change').default('no reason given')
export const reasonOption = () =>
  new Option('--reason <text>', 'why; kept with each event').makeOptionMandatory()

/** Adds the options of a {@link Selection}. */
export const withSelection = (command: Command, { status = true } = {}): Command => {
  command
    .addOption(new Option('--provider <name>', 'of this provider').choices(PROVIDER_NAMES))
    .option('--type <type>', 'of this type, as in "click" or "invoice.paid"')
  if (status) command.addOption(new Option('--status <status>', 'in this status').choices(EVENT_STATUSES))
  return command
    .option('--since <time>', 'received since: a time, or 90m, 6h, 2d ago', readTime)
    .option('--until <time>', 'received before', readTime)
    .option('--search <text>', 'an outreach id, a customer id, an e-mail address or an event id')
    .option('--error <group>', 'with an error of this group, as `dead list --by-error` prints it')
    .option('--misunderstood', 'only events that no rule understood')
}

export const toFilter = async (pool: pg.Pool, { search, ...filter }: Selection): Promise<EventFilter> => {
  const { provider, type, status, since, until, error, misunderstood } = filter
  const given = Object.fromEntries(
    Object.entries({ provider, type, status, since, until, error, misunderstood }).filter(
      ([, value]) => value !== undefined,
    ),
  )
  if (search === undefined) return given
  const resolved = await resolveSearch(pool, search)
  for (const { kind, label } of resolved.found) remark(plain(`found the ${kind} ${label}`))
  return { ...given, ...resolved.filter }
}

export const isEmpty = (filter: EventFilter): boolean => Object.keys(filter).length === 0

/** Row ids of events named by row id or by the provider's id. @throws {CommandError} when one is not there. */
export const findIds = async (pool: pg.Pool, names: string[]): Promise<string[]> => {
  const found: string[] = []
  for (const name of names) {
    if (/^\d{1,18}$/.test(name)) {
      const rows = await queryBuilder(pool)
        .select({ id: webhookEvents.id })
        .from(webhookEvents)
        .where(eq(webhookEvents.id, BigInt(name)))
      if (rows.length === 1) {
        found.push(name)
        continue
      }
    }
    const { events } = await listEvents(pool, { eventId: name }, { limit: 2 })
    const [event] = events
    if (event === undefined) throw new CommandError(plain(`There is no event ${name}.`), 'notFound')
    if (events.length > 1)
      throw new CommandError(plain(`Several providers have an event ${name}: give its row id.`), 'usage')
    found.push(event.id)
  }
  return found
}

/** The user who is logged in to this shell. */
export const byShell = (reason: string): Operator => ({
  operator: process.env.SUDO_USER ?? userInfo().username,
  via: 'command line',
  reason,
  requestId: crypto.randomUUID(),
})
