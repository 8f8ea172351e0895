import { type SQL, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { minuteCounts, refusedDeliveries } from '../db/schema.ts'
import { REFUSALS, type RefusalReason } from '../inbox/admission/refusal.ts'
import type { ProviderName } from '../providers/index.ts'
import { lastAccepted } from './accepted.ts'

export const REFUSAL_REASONS = Object.keys(REFUSALS) as RefusalReason[]

/** Which refused deliveries are meant; what is left out does not narrow. */
export interface RefusedFilter {
  provider?: ProviderName | undefined
  reason?: RefusalReason | undefined
}

/** A refused delivery as lists show it. */
export interface RefusedSummary {
  id: string
  provider: string
  reason: RefusalReason
  refusedAt: Date
  source: string
  diagnosis: string | null
  because: string | null
}

/** Everything that is kept of one. */
export interface RefusedDetail extends RefusedSummary {
  headers: Record<string, string>
  /** The first 4 KiB; null when nothing had arrived. */
  body: Buffer | null
}

const { id, provider, reason, refusedAt, source, diagnosis, because } = refusedDeliveries
const SUMMARY = sql`${id}::text as id, ${provider}, ${reason}, ${refusedAt} as "refusedAt", ${source}, ${diagnosis}, ${because}`

const execute = async (pool: pg.Pool, query: SQL): Promise<Record<string, unknown>[]> =>
  (await queryBuilder(pool).execute(query)).rows

const narrowed = (filter: RefusedFilter): SQL => sql`
  ${filter.provider === undefined ? sql`true` : sql`${provider} = ${filter.provider}`}
  and ${filter.reason === undefined ? sql`true` : sql`${reason} = ${filter.reason}`}`

const toSummary = (row: Record<string, unknown>): RefusedSummary => ({
  ...(row as unknown as RefusedSummary),
  refusedAt: new Date(String(row.refusedAt)),
})

/** The kept ones, newest first. */
export const listRefused = async (
  pool: pg.Pool,
  filter: RefusedFilter,
  limit: number,
): Promise<RefusedSummary[]> => {
  const rows = await execute(
    pool,
    sql`select ${SUMMARY} from ${refusedDeliveries} where ${narrowed(filter)} order by ${refusedAt} desc, ${id} desc limit ${limit}`,
  )
  return rows.map(toSummary)
}

/** @returns undefined when there is no such row. */
export const showRefused = async (pool: pg.Pool, rowId: string): Promise<RefusedDetail | undefined> => {
  if (!/^\d{1,18}$/.test(rowId)) return undefined
  const { headers, body } = refusedDeliveries
  const [row] = await execute(
    pool,
    sql`select ${SUMMARY}, ${headers}, ${body} from ${refusedDeliveries} where ${id} = ${rowId}`,
  )
  return (
    row && {
      ...toSummary(row),
      headers: row.headers as Record<string, string>,
      body: row.body as Buffer | null,
    }
  )
}

/** Refused deliveries of one provider and reason. */
export interface RefusedGroup {
  provider: ProviderName
  reason: RefusalReason
  /** In the time looked at, to the minute. */
  count: number
  firstAt: Date
  lastAt: Date
  /** What the newest kept one was diagnosed as. */
  diagnosis: string | null
  because: string | null
  /** Addresses that the kept ones came from, the most frequent first, ten at most. */
  sources: string[]
  /** When the provider's newest accepted event came; null when none was accepted in the last 7 days. */
  lastAcceptedAt: Date | null
  /** It was accepted before and is refused now: see {@link isAlarming}. */
  alarming: boolean
}

/** What was refused since then, the most alarming first, then the newest. Counts go back eight days. */
export const refusedGroups = async (
  pool: pg.Pool,
  since: Date,
  now: Date,
  filter: RefusedFilter = {},
): Promise<RefusedGroup[]> => {
  const counting = execute(
    pool,
    sql`
    with counted as (
      select ${minuteCounts.provider} as provider, ${minuteCounts.reason} as reason, sum(${minuteCounts.count})::float8 as count,
             min(${minuteCounts.minute}) as first_at, max(${minuteCounts.minute}) as last_at
      from ${minuteCounts} where ${minuteCounts.minute} >= ${since} and ${minuteCounts.outcome} = 'refused' group by 1, 2
    )
    select counted.provider, counted.reason, count, first_at as "firstAt", last_at as "lastAt", newest.diagnosis, newest.because,
           coalesce(came.sources, '[]') as sources
    from counted
    left join lateral (
      select ${diagnosis}, ${because} from ${refusedDeliveries}
      where ${provider} = counted.provider and ${reason} = counted.reason order by ${refusedAt} desc, ${id} desc limit 1
    ) newest on true
    left join lateral (
      select json_agg(source) as sources from (
        select ${source} from ${refusedDeliveries} where ${provider} = counted.provider and ${reason} = counted.reason
        group by 1 order by count(*) desc, 1 limit 10) most
    ) came on true`,
  )
  const [rows, accepted] = await Promise.all([counting, lastAccepted(pool, now)])
  const groups = rows.map((row): RefusedGroup => {
    const group = {
      ...(row as unknown as Omit<RefusedGroup, 'alarming'>),
      firstAt: new Date(String(row.firstAt)),
      lastAt: new Date(String(row.lastAt)),
      lastAcceptedAt: accepted.get(String(row.provider)) ?? null,
    }
    return { ...group, alarming: isAlarming(group) }
  })
  return groups
    .filter(
      (group) =>
        (filter.provider === undefined || group.provider === filter.provider) &&
        (filter.reason === undefined || group.reason === filter.reason),
    )
    .toSorted(
      (a, b) =>
        Number(b.alarming) - Number(a.alarming) ||
        b.lastAt.getTime() - a.lastAt.getTime() ||
        b.count - a.count,
    )
}

/**
 * Whether a provider that was accepted before is refused now, so that somebody has to look. Anybody on the Internet can
 * post without a signature, so that reason is alarming only if nothing was accepted since.
 */
const isAlarming = ({
  reason: why,
  lastAt,
  lastAcceptedAt,
}: Pick<RefusedGroup, 'reason' | 'lastAt' | 'lastAcceptedAt'>): boolean => {
  if (lastAcceptedAt === null) return false
  return why !== 'signature_missing' || lastAt > lastAcceptedAt
}
