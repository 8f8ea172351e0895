import type pg from 'pg'
import type { Cause } from '../notifications/alert.ts'
import { listPauses } from '../operations/pauses.ts'

const DAY = 86_400_000

/** Pauses that last for over a day: somebody may have forgotten them. */
export const forgottenPauses = async (pool: pg.Pool, now: Date): Promise<Cause[]> =>
  (await listPauses(pool)).flatMap(({ provider, type, reason, operator, pausedAt }) => {
    const days = Math.floor((now.getTime() - pausedAt.getTime()) / DAY)
    if (days < 1) return []
    const what = type === null ? provider : `${provider} ${type}`
    return {
      cause: `paused:${what}`,
      kind: 'paused',
      text: `⏸️ ${what}: processing has been paused for ${days === 1 ? 'a day' : `${days} days`} by ${operator} (${reason})`,
      count: 1,
      lastAt: now,
    }
  })
