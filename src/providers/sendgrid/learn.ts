import { sql } from 'drizzle-orm'
import { outreach } from '../../db/schema.ts'
import type { Batch } from '../../inbox/provider.ts'
import { isGiven, type Named, type OutreachRow, TELL_MESSAGE_ID } from './outreach.ts'

/** An id of a mail, and when an event showed it (milliseconds). */
interface Shown {
  id: string
  at: number
}

/**
 * Learns `outreach.message_id` from `smtp-id`, so that replies find the outreach, and `sg_message_id`, so that
 * SendGrid's events without custom args do. An id that another service wrote is kept. If SendGrid reports several ids,
 * the one with the earliest event time counts, in whatever order they arrive. The outreach must be locked.
 */
export const learnMailIds = async (events: Named[], { tx }: Batch): Promise<void> => {
  const lessons = [...Map.groupBy(events.filter(teaches), ({ outreach }) => outreach)]
    .map(([row, ofRow]) => ({
      row,
      messageId: earliest(
        ofRow.map(({ claimed, fields }) =>
          TELL_MESSAGE_ID.has(claimed.eventType) ? shown(fields.smtpId, fields.at) : undefined,
        ),
        isGiven(row, 'messageId') ? 'given' : known(row.messageId, row.messageIdSeenAt),
      ),
      sgMessageId: earliest(
        ofRow.map(({ fields }) => shown(fields.mailId, fields.at)),
        isGiven(row, 'sgMessageId') ? 'given' : known(row.sgMessageId, row.sgMessageIdSeenAt),
      ),
    }))
    .filter(({ messageId, sgMessageId }) => messageId !== undefined || sgMessageId !== undefined)
  if (lessons.length === 0) return
  const time = (one: Shown | undefined) => (one === undefined ? null : new Date(one.at).toISOString())
  const { messageId, messageIdSeenAt, sgMessageId, sgMessageIdSeenAt } = outreach
  const newMessageId = isNew(messageId, messageIdSeenAt, sql`v.message_id`, sql`v.message_id_at`)
  const newSgMessageId = isNew(sgMessageId, sgMessageIdSeenAt, sql`v.sg_message_id`, sql`v.sg_message_id_at`)
  await tx
    .update(outreach)
    .set({
      messageId: sql`case when ${newMessageId} then v.message_id else ${messageId} end`,
      messageIdSeenAt: sql`case when ${newMessageId} then v.message_id_at else ${messageIdSeenAt} end`,
      sgMessageId: sql`case when ${newSgMessageId} then v.sg_message_id else ${sgMessageId} end`,
      sgMessageIdSeenAt: sql`case when ${newSgMessageId} then v.sg_message_id_at else ${sgMessageIdSeenAt} end`,
    })
    .from(sql`unnest(
      ${sql.param(lessons.map(({ row }) => row.id))}::bigint[],
      ${sql.param(lessons.map((lesson) => lesson.messageId?.id ?? null))}::text[],
      ${sql.param(lessons.map((lesson) => time(lesson.messageId)))}::timestamptz[],
      ${sql.param(lessons.map((lesson) => lesson.sgMessageId?.id ?? null))}::text[],
      ${sql.param(lessons.map((lesson) => time(lesson.sgMessageId)))}::timestamptz[]
    ) as v(id, message_id, message_id_at, sg_message_id, sg_message_id_at)`)
    .where(sql`${outreach.id} = v.id and (${newMessageId} or ${newSgMessageId})`)
}

const teaches = (event: Named): event is Named & { outreach: OutreachRow } =>
  event.teaches && event.outreach !== undefined

const shown = (id: string | undefined, at: Date): Shown | undefined =>
  id === undefined ? undefined : { id, at: at.getTime() }

const known = (id: string | null, at: number | null): Shown | undefined =>
  id === null || at === null ? undefined : { id, at }

/** The earliest of these; undefined when it is already known. */
const earliest = (all: (Shown | undefined)[], before: Shown | 'given' | undefined): Shown | undefined => {
  if (before === 'given') return undefined
  let first = before
  for (const one of all) if (one !== undefined && (first === undefined || precedes(one, first))) first = one
  return first === before ? undefined : first
}

const precedes = (a: Shown, b: Shown): boolean =>
  a.at < b.at || (a.at === b.at && Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)) < 0)

type Column = typeof outreach.messageId | typeof outreach.sgMessageId

/** The same rule once more, on the row as it is under its lock. */
const isNew = (
  column: Column,
  seenAt: typeof outreach.messageIdSeenAt | typeof outreach.sgMessageIdSeenAt,
  id: ReturnType<typeof sql>,
  at: ReturnType<typeof sql>,
) => sql`coalesce(${id} is not null and (
  coalesce(${column}, '') = '' or (${at}, ${id} collate "C") < (${seenAt}, ${column} collate "C")), false)`
