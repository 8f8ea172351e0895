import type { Cause } from '../notifications/alert.ts'
import { PROVIDER_NAMES } from '../providers/index.ts'

const HOUR = 3_600_000
const SILENT_FOR = 6 * HOUR

/**
 * Providers that were accepted in the last 7 days, and not for 6 hours. What is silent for longer stays an alert.
 * @param accepted when each provider's last delivery was accepted: `lastAccepted`.
 * @param open the causes whose alerts are open.
 */
export const silentProviders = (
  accepted: ReadonlyMap<string, Date>,
  now: Date,
  open: ReadonlyMap<string, Date>,
): Cause[] =>
  PROVIDER_NAMES.flatMap((provider) => {
    const cause = `silent:${provider}`
    const at = accepted.get(provider)
    const isSilent = at === undefined ? open.has(cause) : now.getTime() - at.getTime() >= SILENT_FOR
    if (!isSilent) return []
    const since =
      at === undefined ? 'more than 7 days' : `${Math.floor((now.getTime() - at.getTime()) / HOUR)} hours`
    return {
      cause,
      kind: 'silent',
      text: `🔇 ${provider}: nothing was accepted for ${since}`,
      count: 1,
      lastAt: now,
    }
  })
