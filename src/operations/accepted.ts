import { and, eq, gte, max } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { minuteCounts } from '../db/schema.ts'
import { PROVIDER_NAMES } from '../inbox/provider.ts'
import { listEvents } from './events.ts'

const WEEK = 7 * 86_400_000

/**
 * When each provider's last delivery was accepted, one of duplicates included; providers without any in the last 7 days
 * are left out.
 */
export const lastAccepted = async (pool: pg.Pool, now: Date): Promise<Map<string, Date>> => {
  const since = new Date(now.getTime() - WEEK)
  const { provider, minute, outcome } = minuteCounts
  const [duplicates, ...events] = await Promise.all([
    drizzle({ client: pool, casing: 'snake_case' })
      .select({ provider, at: max(minute) })
      .from(minuteCounts)
      .where(and(gte(minute, since), eq(outcome, 'duplicate')))
      .groupBy(provider),
    ...PROVIDER_NAMES.map((name) => listEvents(pool, { provider: name, since }, { limit: 1 })),
  ])
  const accepted = new Map<string, Date>()
  const note = (name: string, at: Date | null) => {
    if (at !== null && at > (accepted.get(name) ?? since)) accepted.set(name, at)
  }
  for (const one of duplicates) note(one.provider, one.at)
  for (const {
    events: [newest],
  } of events)
    if (newest !== undefined) note(newest.provider, newest.receivedAt)
  return accepted
}
