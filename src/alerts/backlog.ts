import type pg from 'pg'
import type { Cause } from '../notifications/alert.ts'
import { backlog } from '../operations/overview.ts'

/** Minutes that a due event may wait. */
const LATE = 5

/** Providers whose oldest due event waits too long. */
export const lateBacklogs = async (pool: pg.Pool, now: Date): Promise<Cause[]> =>
  (await backlog(pool, now)).flatMap(({ provider, due, oldestDueAt }) => {
    const minutes = oldestDueAt === null ? 0 : Math.floor((now.getTime() - oldestDueAt.getTime()) / 60_000)
    if (minutes < LATE) return []
    const text = `🐢 ${provider}: the oldest due event has been waiting for ${minutes} min, ${due} are due`
    return { cause: `backlog:${provider}`, kind: 'backlog', text, count: 1, lastAt: now }
  })
