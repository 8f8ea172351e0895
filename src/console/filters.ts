import type pg from 'pg'
import { EVENT_STATUSES, type EventStatus } from '../db/schema.ts'
import type { EventFilter } from '../operations/matching.ts'
import { type Found, resolveSearch } from '../operations/search.ts'
import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'

/** The filter as it stands in the form and in the page's address; empty when it does not narrow. */
export interface FilterFields {
  q: string
  provider: string
  type: string
  /** A group of errors. */
  error: string
  /** A status, or {@link MISUNDERSTOOD}. */
  status: string
  /** A key of {@link PERIODS}. */
  period: string
  /** As an `<input type="datetime-local">` gives it, in UTC. */
  since: string
  until: string
}

/** Stands among the statuses, in whichever of them the events are. */
export const MISUNDERSTOOD = 'misunderstood'

const HOUR = 3_600_000
/** How far back, in milliseconds. */
export const PERIODS: Record<string, { name: string; length: number }> = {
  '1h': { name: 'Last hour', length: HOUR },
  '24h': { name: 'Last 24 hours', length: 24 * HOUR },
  '7d': { name: 'Last 7 days', length: 7 * 24 * HOUR },
  '30d': { name: 'Last 30 days', length: 30 * 24 * HOUR },
}

/** Reads the fields from a query string or a form. A value that makes no sense is ignored. */
export const readFields = (from: unknown): FilterFields => {
  const given = typeof from === 'object' && from !== null ? (from as Record<string, unknown>) : {}
  const text = (name: keyof FilterFields): string => {
    const value = given[name]
    return typeof value === 'string' ? value.replaceAll('\0', '').trim().slice(0, 400) : ''
  }
  const one = (name: keyof FilterFields, of: readonly string[]) => (of.includes(text(name)) ? text(name) : '')
  const time = (name: keyof FilterFields) => (readTime(text(name)) === undefined ? '' : text(name))
  return {
    q: text('q'),
    provider: one('provider', PROVIDER_NAMES),
    type: text('type'),
    error: text('error'),
    status: one('status', [...EVENT_STATUSES, MISUNDERSTOOD]),
    period: one('period', Object.keys(PERIODS)),
    since: time('since'),
    until: time('until'),
  }
}

/** A time as an `<input type="datetime-local">` gives it, in UTC. */
export const readTime = (value: string): Date | undefined => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d{1,3})?$/.test(value)) return undefined
  const time = new Date(`${value}Z`)
  return Number.isNaN(time.getTime()) ? undefined : time
}

/** The fields as a query string, without the empty ones. */
export const toQuery = (fields: Partial<FilterFields> & Record<string, string>): string => {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== '')).toString()
  return query === '' ? '' : `?${query}`
}

const statusFilter = (status: string): Pick<EventFilter, 'status' | 'misunderstood'> => {
  if (status === '') return {}
  return status === MISUNDERSTOOD ? { misunderstood: true } : { status: status as EventStatus }
}

/** The fields as the filter they mean; what was searched for is looked up first. */
export const toFilter = async (
  pool: pg.Pool,
  fields: FilterFields,
  now: Date,
): Promise<{ filter: EventFilter; found: Found[] }> => {
  const search = fields.q === '' ? { filter: {}, found: [] } : await resolveSearch(pool, fields.q)
  const period = PERIODS[fields.period]
  const since =
    readTime(fields.since) ?? (period === undefined ? undefined : new Date(now.getTime() - period.length))
  const until = readTime(fields.until)
  return {
    filter: {
      ...search.filter,
      ...(fields.provider === '' ? {} : { provider: fields.provider as ProviderName }),
      ...(fields.type === '' ? {} : { type: fields.type }),
      ...(fields.error === '' ? {} : { error: fields.error }),
      ...statusFilter(fields.status),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
    },
    found: search.found,
  }
}
