import { and, eq, gte, max } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { minuteCounts } from '../db/schema.ts'
import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'
import { listDeliveries } from './deliveries.ts'
import { listEvents } from './events.ts'

const WEEK = 7 * 86_400_000

/**
 * When each provider's last delivery was accepted, one of duplicates included; providers without any in the last 7 days
 * are left out.
 */
export const lastAccepted = async (pool: pg.Pool, now: Date): Promise<Map<string, Date>> => {
  const since = new Date(now.getTime() - WEEK)
  const { provider, minute, outcome } = minuteCounts
  const newestOf = async (name: ProviderName) => {
    // A paused provider's deliveries have no events yet, and an event may outlive its delivery.
    const { deliveries } = await listDeliveries(pool, { provider: name, since }, { limit: 1 })
    const { events } = await listEvents(pool, { provider: name, since }, { limit: 1 })
    return { name, times: [...deliveries, ...events].map(({ receivedAt }) => receivedAt) }
  }
  const [duplicates, ...newest] = await Promise.all([
    queryBuilder(pool)
      .select({ provider, at: max(minute) })
      .from(minuteCounts)
      .where(and(gte(minute, since), eq(outcome, 'duplicate')))
      .groupBy(provider),
    ...PROVIDER_NAMES.map(newestOf),
  ])
  const accepted = new Map<string, Date>()
  const note = (name: string, at: Date | null) => {
    if (at !== null && at > (accepted.get(name) ?? since)) accepted.set(name, at)
  }
  for (const one of duplicates) note(one.provider, one.at)
  for (const { name, times } of newest) for (const at of times) note(name, at)
  return accepted
}
