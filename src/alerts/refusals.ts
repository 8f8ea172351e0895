import { and, eq, gte, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { minuteCounts } from '../db/schema.ts'
import { REFUSALS, type RefusalReason } from '../inbox/admission/refusal.ts'
import type { Cause } from '../notifications/alert.ts'

const WITHIN = 10 * 60_000
const MAX_REFUSED = 20

/**
 * Providers that were accepted in the last 7 days, with more than 20 refused deliveries in 10 minutes. It lasts until
 * nothing was refused for 10 minutes. What is our own fault (503) is a cause of its own.
 * @param accepted when each provider's last delivery was accepted: `lastAccepted`.
 * @param open the causes whose alerts are open, with their beginnings.
 */
export const refusedDeliveries = async (
  pool: pg.Pool,
  accepted: ReadonlyMap<string, Date>,
  now: Date,
  open: ReadonlyMap<string, Date>,
): Promise<Cause[]> => {
  const since = new Date(Math.min(now.getTime(), ...[...open.values()].map(Number)) - WITHIN)
  const rows = await countedSince(pool, since)
  const groups = Map.groupBy(
    rows,
    ({ provider, reason }) => `${isOurs(reason) ? 'unavailable' : 'refused'}:${provider}`,
  )
  return [...groups].flatMap(([cause, counted]) => {
    const provider = counted[0]?.provider ?? ''
    const recent = counted.filter(({ minute }) => minute.getTime() > now.getTime() - WITHIN - 60_000)
    const lasts = open.has(cause) ? recent.length > 0 : sum(recent) > MAX_REFUSED && accepted.has(provider)
    if (!lasts) return []
    const begun = (open.get(cause) ?? now).getTime() - WITHIN
    const own = counted.filter(({ minute }) => minute.getTime() >= begun)
    const reasons = [...Map.groupBy(own, ({ reason }) => reason)]
      .toSorted(([, a], [, b]) => sum(b) - sum(a))
      .map(([reason]) => reason.replaceAll('_', ' '))
    const kind = cause.startsWith('refused') ? 'refused' : 'unavailable'
    return {
      cause,
      kind,
      text: `🚫 ${provider}: deliveries are refused (${reasons.join(', ')})${kind === 'refused' ? ', though others were accepted before' : ' with 503'}`,
      count: sum(own),
      lastAt: new Date(Math.max(...own.map(({ minute }) => minute.getTime()))),
    }
  })
}

interface Counted {
  minute: Date
  provider: string
  reason: string
  count: number
}

const countedSince = (pool: pg.Pool, since: Date): Promise<Counted[]> => {
  const { minute, provider, reason, count, outcome } = minuteCounts
  return queryBuilder(pool)
    .select({ minute, provider, reason, count: sql<number>`${count}::float8` })
    .from(minuteCounts)
    .where(and(eq(outcome, 'refused'), gte(minute, since)))
}

const isOurs = (reason: string): boolean => REFUSALS[reason as RefusalReason]?.statusCode === 503
const sum = (counted: Counted[]): number => counted.reduce((total, { count }) => total + count, 0)
