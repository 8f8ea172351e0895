import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'

export const EVENT_STATUSES = ['pending', 'processed', 'ignored', 'skipped', 'dead'] as const
export type EventStatus = (typeof EVENT_STATUSES)[number]

/** The group of dead events that hold no error: other programs inserted them. */
export const NO_ERROR = 'no error is kept'

/** Which events are meant; what is left out does not narrow. */
export interface EventFilter {
  provider?: ProviderName
  type?: string
  status?: EventStatus
  /** Received at or after this time. */
  since?: Date
  /** Received before this time. */
  until?: Date
  /** What they are about, as in the column `subject`; see `search.ts`. None matches nothing. */
  subjects?: string[]
  /** The provider's own id. */
  eventId?: string
  /** Only those whose error is of this group, as `errorGroups` names it. */
  error?: string
  /** Only those that no rule understood. */
  misunderstood?: true
}

/** An event's place in the newest-first order: microseconds since 1970, and the row's id. */
export const POSITION = `(extract(epoch from e.received_at) * 1000000)::bigint || '.' || e.id`

const PLACE = /^(\d{1,17})\.(\d{1,18})$/

/** Whether it can be a position: it may come from a URL. */
export const isPosition = (value: unknown): value is string => typeof value === 'string' && PLACE.test(value)

const readPosition = (position: string): [micros: string, id: string] => {
  const [, micros, id] = PLACE.exec(position) ?? []
  if (micros === undefined || id === undefined) throw new RangeError('not a position in the list')
  return [micros, id]
}

/**
 * The ids of matching events as a query with the columns `id` and `received_at`.
 *
 * However rare the filtered events are among ten million rows, little more is read than is returned: the index
 * `webhook_events_list_idx` holds a run of events, in order of arrival, for each status, provider and type. There are
 * some dozens of such runs. The recursive part finds them by jumping from one to the next; the newest `limit` of each
 * are merged. Subjects and event ids have indexes of their own, with few events each. Groups of errors and events that
 * were not understood have their own indexes too, in order of arrival.
 *
 * @param limit how many ids at most.
 * @param order `newest` first, or `any`: then it stops as soon as it has enough, which is what counting wants.
 * @param after a position: only events that come after it in the list.
 * @throws {RangeError} when `after` is no position.
 */
export const matching = (
  filter: EventFilter,
  { limit, order, after }: { limit: number; order: 'newest' | 'any'; after?: string | undefined },
): { text: string; values: unknown[] } => {
  const values: unknown[] = []
  const parameter = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const most = `${order === 'newest' ? 'order by e.received_at desc, e.id desc ' : ''}limit ${parameter(limit, 'int')}`
  const conditions = timeConditions(filter, after, parameter)
    .map((condition) => `and ${condition}`)
    .join(' ')
  const statuses = parameter(filter.status === undefined ? EVENT_STATUSES : [filter.status], 'text[]')
  const providers = parameter(filter.provider === undefined ? STORED_PROVIDERS : [filter.provider], 'text[]')
  const type = filter.type === undefined ? undefined : parameter(filter.type, 'text')

  if (isNarrow(filter) || filter.misunderstood) {
    const about = [`e.status = any(${statuses})`, `e.provider = any(${providers})`]
    if (type !== undefined) about.push(`e.event_type = ${type}`)
    if (filter.subjects !== undefined) about.push(`e.subject = any(${parameter(filter.subjects, 'text[]')})`)
    if (filter.eventId !== undefined) about.push(`e.event_id = ${parameter(filter.eventId, 'text')}`)
    if (filter.error === NO_ERROR) about.push(`e.status = 'dead' and e.last_error is null`)
    else if (filter.error !== undefined) {
      about.push(
        `e.last_error is not null and webhook_error_group(e.last_error) = ${parameter(filter.error, 'text')}`,
      )
    }
    if (filter.misunderstood) about.push('e.misunderstood is not null')
    const found = `select e.id, e.received_at from webhook_events e where ${about.join(' and ')} ${conditions}`
    // `offset 0` hides the order from the planner, which would otherwise leave the index on the filtered column. The
    // index on misunderstood events is in that order itself.
    const few = filter.subjects !== undefined || filter.eventId !== undefined
    return { text: `select e.id, e.received_at from (${found} ${few ? 'offset 0' : ''}) e ${most}`, values }
  }

  const first = (condition: string) =>
    `select e.event_type from webhook_events e where e.status = wanted.status and e.provider = wanted.provider
     ${condition} order by e.event_type limit 1`
  const types =
    type !== undefined
      ? `select ${type}`
      : `with recursive types as (
           (${first('')})
           union all
           select found.event_type from types, lateral (${first('and e.event_type > types.event_type')}) found
         ) select event_type from types`
  const text = `
    select e.id, e.received_at
    from (select status, provider from unnest(${statuses}) status, unnest(${providers}) provider) wanted,
    lateral (${types}) run(event_type),
    lateral (
      select e.id, e.received_at from webhook_events e
      where e.status = wanted.status and e.provider = wanted.provider and e.event_type = run.event_type ${conditions}
      ${most}
    ) e ${most}`
  return { text, values }
}

/** Whether it filters by something that has an index of its own. */
const isNarrow = ({ subjects, eventId, error }: EventFilter): boolean =>
  subjects !== undefined || eventId !== undefined || error !== undefined

const timeConditions = (
  { since, until }: EventFilter,
  after: string | undefined,
  parameter: (value: unknown, type: string) => string,
): string[] => {
  const conditions: string[] = []
  if (since !== undefined) conditions.push(`e.received_at >= ${parameter(since, 'timestamptz')}`)
  if (until !== undefined) conditions.push(`e.received_at < ${parameter(until, 'timestamptz')}`)
  if (after !== undefined) {
    const [micros, id] = readPosition(after)
    const time = `timestamptz 'epoch' + ${parameter(micros, 'bigint')} * interval '1 microsecond'`
    conditions.push(`(e.received_at, e.id) < (${time}, ${parameter(id, 'bigint')})`)
  }
  return conditions
}

/** All there can be in the column: `unknown` is its default, for rows that other programs insert. */
export const STORED_PROVIDERS: string[] = [...PROVIDER_NAMES, 'unknown']
