import { isGiven, type Named, type OutreachRow, TELL_MESSAGE_ID } from './outreach.ts'
import type { OutreachChanges, Shown } from './outreach-changes.ts'

/**
 * Learns `outreach.message_id` from `smtp-id`, so that replies find the outreach, and `sg_message_id`, so that
 * SendGrid's events without custom args do. An id that another service wrote is kept. If SendGrid reports several ids,
 * the one with the earliest event time counts, in whatever order they arrive.
 */
export const learnMailIds = (events: Named[], changes: OutreachChanges): void => {
  for (const [row, ofRow] of Map.groupBy(events.filter(teaches), ({ outreach }) => outreach)) {
    const messageId = earliest(
      ofRow.map(({ claimed, fields }) =>
        TELL_MESSAGE_ID.has(claimed.eventType) ? shown(fields.smtpId, fields.at) : undefined,
      ),
      isGiven(row, 'messageId') ? 'given' : known(row.messageId, row.messageIdSeenAt),
    )
    const sgMessageId = earliest(
      ofRow.map(({ fields }) => shown(fields.mailId, fields.at)),
      isGiven(row, 'sgMessageId') ? 'given' : known(row.sgMessageId, row.sgMessageIdSeenAt),
    )
    if (messageId !== undefined || sgMessageId !== undefined)
      changes.learn(row.id, { messageId, sgMessageId })
  }
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
