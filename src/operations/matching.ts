import { type SQL, sql } from 'drizzle-orm'
import { errorGroup } from '../db/error-group.ts'
import { EVENT_STATUSES, type EventStatus, webhookEvents as e } from '../db/schema.ts'
import { column, columns } from '../db/statement.ts'
import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'

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
export const POSITION = sql`(extract(epoch from ${e.receivedAt}) * 1000000)::bigint || '.' || ${e.id}`

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
): SQL => {
  const most = sql`${order === 'newest' ? NEWEST_FIRST : sql.empty()} limit ${limit}::int`
  const statuses = filter.status === undefined ? EVENT_STATUSES : [filter.status]
  const providers = filter.provider === undefined ? STORED_PROVIDERS : [filter.provider]
  const within = timeConditions(filter, after)

  if (isNarrow(filter) || filter.misunderstood) {
    const conditions = [
      sql`${e.status} = any(${sql.param(statuses)}::text[])`,
      sql`${e.provider} = any(${sql.param(providers)}::text[])`,
      ...narrowConditions(filter),
      ...within,
    ]
    // `offset 0` hides the order from the planner, which would otherwise leave the index on the filtered column. The
    // index on misunderstood events is in that order itself.
    const few = filter.subjects !== undefined || filter.eventId !== undefined
    return sql`
      select ${PLACE_OF} from (
        select ${e.id}, ${e.receivedAt} from ${e} where ${all(conditions)} ${few ? sql`offset 0` : sql.empty()}
      ) found ${most}`
  }

  const run = [sql`${e.status} = wanted.status`, sql`${e.provider} = wanted.provider`]
  const nextType = (...after: SQL[]) => sql`
    select ${e.eventType} from ${e} where ${all([...run, ...after])} order by ${e.eventType} limit 1`
  const types =
    filter.type !== undefined
      ? sql`select ${filter.type}::text`
      : sql`
        with recursive types(type) as (
          (${nextType()})
          union all
          select found.type from types, lateral (${nextType(sql`${e.eventType} > types.type`)}) found(type)
        ) select type from types`
  return sql`
    select ${PLACE_OF}
    from (
      select status, provider
      from unnest(${sql.param(statuses)}::text[]) status, unnest(${sql.param(providers)}::text[]) provider
    ) wanted,
    lateral (${types}) run(type),
    lateral (
      select ${e.id}, ${e.receivedAt} from ${e} where ${all([...run, sql`${e.eventType} = run.type`, ...within])} ${most}
    ) found ${most}`
}

/** The columns of the result, and its order: of a table or of what was selected from it. */
const PLACE_OF = columns(e.id, e.receivedAt)
const NEWEST_FIRST = sql`order by ${column(e.receivedAt)} desc, ${column(e.id)} desc`

const all = (conditions: SQL[]): SQL => sql.join(conditions, sql` and `)

/** Whether it filters by something that has an index of its own. */
const isNarrow = ({ subjects, eventId, error }: EventFilter): boolean =>
  subjects !== undefined || eventId !== undefined || error !== undefined

const narrowConditions = ({ type, subjects, eventId, error, misunderstood }: EventFilter): SQL[] => {
  const conditions: SQL[] = []
  if (type !== undefined) conditions.push(sql`${e.eventType} = ${type}`)
  if (subjects !== undefined) conditions.push(sql`${e.subject} = any(${sql.param(subjects)}::text[])`)
  if (eventId !== undefined) conditions.push(sql`${e.eventId} = ${eventId}`)
  if (error === NO_ERROR) conditions.push(sql`${e.status} = 'dead' and ${e.lastError} is null`)
  else if (error !== undefined) {
    conditions.push(sql`${e.lastError} is not null and ${errorGroup(e.lastError)} = ${error}`)
  }
  if (misunderstood) conditions.push(sql`${e.misunderstood} is not null`)
  return conditions
}

const timeConditions = ({ since, until }: EventFilter, after: string | undefined): SQL[] => {
  const conditions: SQL[] = []
  if (since !== undefined) conditions.push(sql`${e.receivedAt} >= ${since}`)
  if (until !== undefined) conditions.push(sql`${e.receivedAt} < ${until}`)
  if (after !== undefined) {
    const [micros, id] = readPosition(after)
    const time = sql`timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`
    conditions.push(sql`(${e.receivedAt}, ${e.id}) < (${time}, ${id}::bigint)`)
  }
  return conditions
}

/** All there can be in the column: `unknown` is its default, for rows that other programs insert. */
export const STORED_PROVIDERS: string[] = [...PROVIDER_NAMES, 'unknown']
