import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type EventSummary, listEvents } from '../operations/events.ts'
import type { EventFilter } from '../operations/matching.ts'
import { visible, visibleJson } from '../visible-text.ts'
import { remark } from './output.ts'

const LOOK_EVERY = 1_000
/** Events between two looks; of more only the newest are shown. */
const MAX_EVENTS = 500
/** An event may be processed so long after its arrival and is still shown, in milliseconds. */
const LOOK_BACK = 3_600_000
const REMEMBERED = 20_000

/**
 * Shows the newest events that match, then each that comes, until it is interrupted.
 * @param limit how many of those that are there.
 */
export const tailEvents = async (
  pool: pg.Pool,
  filter: EventFilter,
  { limit, json }: { limit: number; json?: boolean | undefined },
): Promise<void> => {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  const since = new Date(Date.now() - LOOK_BACK)
  const recent = {
    ...filter,
    since: filter.since !== undefined && filter.since > since ? filter.since : since,
  }
  const seen = new Set<string>()
  const look = async (): Promise<EventSummary[]> => {
    const { events, next } = await listEvents(pool, recent, { limit: MAX_EVENTS })
    const fresh = events.filter(({ id }) => !seen.has(id)).reverse()
    for (const { id } of fresh) seen.add(id)
    for (const id of seen) {
      if (seen.size <= REMEMBERED) break
      seen.delete(id)
    }
    if (fresh.length === MAX_EVENTS && next !== null && seen.size > MAX_EVENTS) remark('… and more')
    return fresh
  }
  for (const event of (await look()).slice(-limit)) print(event, json)
  while (!interrupted.signal.aborted) {
    await sleep(LOOK_EVERY, undefined, { signal: interrupted.signal }).catch(() => {})
    if (interrupted.signal.aborted) return
    for (const event of await look()) print(event, json)
  }
}

const print = (event: EventSummary, json: boolean | undefined): void => {
  if (json) {
    console.log(visibleJson(JSON.stringify(event)))
    return
  }
  const { id, receivedAt, provider, eventType, status, subject, lastError } = event
  const parts = [receivedAt.toISOString(), id, provider, eventType, status, subject ?? '-', lastError ?? '']
  console.log(visible(parts.join('  ')).replaceAll('\n', ' ').trimEnd())
}
