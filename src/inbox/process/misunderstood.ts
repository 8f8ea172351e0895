import { and, eq, gte, inArray, lt, or, sql } from 'drizzle-orm'
import { misunderstoodCauses, webhookEvents } from '../../db/schema.ts'
import { storableText } from '../../db/storable.ts'
import type { Transaction } from '../../db/transaction.ts'
import { linkTo } from '../../notifications/pages.ts'
import type { Misunderstanding } from '../provider.ts'
import type { MisunderstoodEvent, Outcome } from './batch.ts'

/** Alerts per provider, reason and day (UTC), so that a sender that invents event types cannot flood a channel. */
export const MAX_ALERTS_A_DAY = 50
/** Characters of a cause. The sender chooses its length, so it is cut. */
const MAX_CAUSE = 100
const MAX_TEXT = 500

/** Describes an event type that its provider is not known to send. */
export const unknownType = (eventType: string): Misunderstanding => ({
  reason: 'unknown_type',
  cause: eventType,
  text: `the event type ${JSON.stringify(eventType)} was never seen before; its events are kept as ignored`,
})

/** Describes an event that has no type at all. */
export const noType = (why: string): Misunderstanding => ({
  reason: 'missing_field',
  cause: 'event',
  text: why,
})

/**
 * Stores with each event why no rule understood it. A new cause is logged and alerted. One with `again: 'day'` is
 * alerted again each day. All of it commits with the events or not at all.
 *
 * @param oldNews row ids of the events that are too old to alert about. They are only marked; the next event with the
 * same cause alerts.
 */
export const reportMisunderstood = async (
  tx: Transaction,
  provider: string,
  outcome: Outcome,
  now: Date,
  oldNews: ReadonlySet<string | null>,
): Promise<void> => {
  if (outcome.misunderstood.length === 0) return
  await markEvents(tx, outcome.misunderstood)
  const day = now.toISOString().slice(0, 10)
  const news = outcome.misunderstood.filter(({ event }) => !oldNews.has(event.rowId))
  const { alerted, left } = await takeCauses(tx, provider, news, now)
  for (const { event, why } of alerted) {
    const cause = causeOf(why)
    outcome.lines.push({
      level: 'warn',
      message: 'not understood',
      event,
      details: { reason: why.reason, cause },
    })
    outcome.notifications.push({
      channel: 'slack',
      key: `${provider}:misunderstood:${why.reason}:${cause}${why.again === 'day' ? `:${day}` : ''}`,
      event: event.rowId,
      data: { channel: why.channel ?? 'ops', text: textOf(provider, why, why.text) },
      alert: { kind: 'misunderstood', subject: storableText(why.text, MAX_TEXT) },
    })
  }
  for (const { event, why } of left) {
    const text = `more than ${MAX_ALERTS_A_DAY} causes of "${why.reason}" today; further ones are only marked on their events`
    outcome.notifications.push({
      channel: 'slack',
      key: `${provider}:misunderstood:${why.reason}:more:${day}`,
      event: event.rowId,
      data: { channel: why.channel ?? 'ops', text: textOf(provider, why, text) },
    })
  }
}

const causeOf = ({ cause }: Misunderstanding): string => storableText(cause, MAX_CAUSE)

const textOf = (provider: string, { page = 'misunderstood' }: Misunderstanding, text: string): string =>
  `❓ ${provider}: ${storableText(text, MAX_TEXT)}. Runbook: ${linkTo(page)}`

const markEvents = async (tx: Transaction, misunderstood: MisunderstoodEvent[]): Promise<void> => {
  const texts = [...Map.groupBy(misunderstood, ({ event }) => event.rowId)].map(([rowId, ofEvent]) => ({
    rowId,
    why: storableText(ofEvent.map(({ why }) => why.text).join('; '), MAX_TEXT),
  }))
  await tx
    .update(webhookEvents)
    .set({ misunderstood: sql`v.why` })
    .from(sql`json_to_recordset(${JSON.stringify(texts)}::json) as v("rowId" bigint, why text)`)
    .where(sql`${webhookEvents.id} = v."rowId"`)
}

/**
 * Records the causes that are to be alerted now.
 * @returns `alerted`: one event per cause. `left`: one event for each reason that has reached {@link MAX_ALERTS_A_DAY};
 * its remaining causes are not recorded, so that they can be alerted on another day.
 */
const takeCauses = async (
  tx: Transaction,
  provider: string,
  misunderstood: MisunderstoodEvent[],
  now: Date,
): Promise<{ alerted: MisunderstoodEvent[]; left: MisunderstoodEvent[] }> => {
  if (misunderstood.length === 0) return { alerted: [], left: [] }
  const dayStart = new Date(now.toISOString().slice(0, 10))
  const { reason, cause, alertedAt } = misunderstoodCauses
  const asked = firstOfEach(misunderstood, ({ why }) => `${why.reason}:${causeOf(why)}`)
  const known = await tx
    .select()
    .from(misunderstoodCauses)
    .where(
      and(
        eq(misunderstoodCauses.provider, provider),
        or(
          gte(alertedAt, dayStart),
          inArray(
            cause,
            asked.map(({ why }) => causeOf(why)),
          ),
        ),
      ),
    )
  const isDue = ({ why }: MisunderstoodEvent) =>
    !known.some(
      (row) =>
        row.reason === why.reason &&
        row.cause === causeOf(why) &&
        (why.again !== 'day' || row.alertedAt >= dayStart),
    )
  const due: MisunderstoodEvent[] = []
  const left: MisunderstoodEvent[] = []
  for (const [ofReason, ofThis] of Map.groupBy(asked.filter(isDue), ({ why }) => why.reason)) {
    const today = known.filter((row) => row.reason === ofReason && row.alertedAt >= dayStart).length
    const room = Math.max(0, MAX_ALERTS_A_DAY - today)
    due.push(...ofThis.slice(0, room))
    left.push(...ofThis.slice(room, room + 1))
  }
  if (due.length === 0) return { alerted: [], left }
  // Always in the same order: two batches with the same causes wait for each other and never deadlock.
  const rows = due
    .map(({ why }) => ({ provider, reason: why.reason, cause: causeOf(why), alertedAt: now }))
    .toSorted((a, b) => (`${a.reason}:${a.cause}` < `${b.reason}:${b.cause}` ? -1 : 1))
  // A cause that another batch recorded in the meantime is alerted by that batch.
  const noted = await tx
    .insert(misunderstoodCauses)
    .values(rows)
    .onConflictDoUpdate({
      target: [misunderstoodCauses.provider, reason, cause],
      set: { alertedAt: now },
      setWhere: lt(alertedAt, dayStart),
    })
    .returning({ reason, cause })
  const alerted = due.filter(({ why }) =>
    noted.some((row) => row.reason === why.reason && row.cause === causeOf(why)),
  )
  return { alerted, left }
}

const firstOfEach = <T>(items: T[], keyOf: (item: T) => string): T[] => [
  ...new Map(items.toReversed().map((item) => [keyOf(item), item])).values(),
]
