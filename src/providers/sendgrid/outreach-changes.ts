import { type SQL, sql } from 'drizzle-orm'
import { outreach, outreachStatus } from '../../db/schema.ts'
import { column, plainArray, statement, textArray } from '../../db/statement.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

type Status = (typeof outreachStatus.enumValues)[number]
const RANK: readonly Status[] = outreachStatus.enumValues

/** An id of a mail, and when an event showed it (milliseconds). */
export interface Shown {
  id: string
  at: number
}

/** What the events of a batch come to for one outreach. */
interface Change {
  id: string
  status: Status | undefined
  /** Milliseconds. */
  deliveredAt: number | undefined
  clicks: number
  clickedAt: number | undefined
  messageId: Shown | undefined
  sgMessageId: Shown | undefined
}

/** What a batch changes in outreach: collected from all its events, then written, so that each row is written once. */
export interface OutreachChanges {
  /** Raises the status; one that is higher already stays, so a late event never hides a later one. */
  raise: (events: SendgridEvent[], status: Status) => void
  /** The latest time counts. */
  delivered: (events: SendgridEvent[]) => void
  /** Clicks add up; the earliest time counts. */
  clicked: (events: SendgridEvent[]) => void
  /** Ids of its mail. Of several, the one shown first counts; what another service wrote is kept. */
  learn: (id: string, ids: Pick<Change, 'messageId' | 'sgMessageId'>) => void
  write: (batch: Batch) => Promise<void>
}

const higher = (a: Status | undefined, b: Status): Status =>
  a !== undefined && RANK.indexOf(a) > RANK.indexOf(b) ? a : b

type IdColumn = typeof outreach.messageId | typeof outreach.sgMessageId

/** Whether an id is to be learned, judged by the row as it is under its lock. */
const isNew = (
  column: IdColumn,
  seenAt: typeof outreach.messageIdSeenAt | typeof outreach.sgMessageIdSeenAt,
  id: SQL,
  at: SQL,
): SQL =>
  sql`coalesce(${id} is not null and (
  coalesce(${column}, '') = '' or (${at}, ${id} collate "C") < (${seenAt}, ${column} collate "C")), false)`

const q = sql.placeholder
const o = outreach
const isNewMessageId = isNew(o.messageId, o.messageIdSeenAt, sql`v.message_id`, sql`v.message_id_at`)
const isNewSgMessageId = isNew(
  o.sgMessageId,
  o.sgMessageIdSeenAt,
  sql`v.sg_message_id`,
  sql`v.sg_message_id_at`,
)

const WRITE = statement<
  | 'ids'
  | 'statuses'
  | 'delivered'
  | 'clicks'
  | 'clicked'
  | 'messageIds'
  | 'messageIdsAt'
  | 'sgMessageIds'
  | 'sgMessageIdsAt'
>(
  'sendgrid_write_outreach',
  sql`
update ${outreach}
set ${column(o.status)} = greatest(${o.status}, v.status),
    ${column(o.deliveredAt)} = greatest(${o.deliveredAt}, v.delivered_at),
    ${column(o.linkClicks)} = ${o.linkClicks} + v.clicks,
    ${column(o.clickedAt)} = least(${o.clickedAt}, v.clicked_at),
    ${column(o.messageId)} = case when ${isNewMessageId} then v.message_id else ${o.messageId} end,
    ${column(o.messageIdSeenAt)} = case when ${isNewMessageId} then v.message_id_at else ${o.messageIdSeenAt} end,
    ${column(o.sgMessageId)} = case when ${isNewSgMessageId} then v.sg_message_id else ${o.sgMessageId} end,
    ${column(o.sgMessageIdSeenAt)} =
      case when ${isNewSgMessageId} then v.sg_message_id_at else ${o.sgMessageIdSeenAt} end
from (
  select id, status, to_timestamp(delivered) as delivered_at, clicks, to_timestamp(clicked) as clicked_at,
         message_id, to_timestamp(message_id_seen) as message_id_at,
         sg_message_id, to_timestamp(sg_message_id_seen) as sg_message_id_at
  from unnest(${q('ids')}::bigint[], ${q('statuses')}::outreach_status[], ${q('delivered')}::float8[],
              ${q('clicks')}::int[], ${q('clicked')}::float8[], ${q('messageIds')}::text[],
              ${q('messageIdsAt')}::float8[], ${q('sgMessageIds')}::text[], ${q('sgMessageIdsAt')}::float8[])
    as u(id, status, delivered, clicks, clicked, message_id, message_id_seen, sg_message_id, sg_message_id_seen)
) v
where ${o.id} = v.id and (
  v.status > ${o.status} or v.delivered_at > coalesce(${o.deliveredAt}, '-infinity') or v.clicks > 0
  or ${isNewMessageId} or ${isNewSgMessageId})`,
)

export const createOutreachChanges = (): OutreachChanges => {
  const changes = new Map<string, Change>()
  const of = (id: string): Change => {
    let change = changes.get(id)
    if (change === undefined) {
      change = {
        id,
        status: undefined,
        deliveredAt: undefined,
        clicks: 0,
        clickedAt: undefined,
        messageId: undefined,
        sgMessageId: undefined,
      }
      changes.set(id, change)
    }
    return change
  }
  const each = (events: SendgridEvent[], change: (row: Change, at: number) => void): void => {
    for (const { outreachId, fields } of events) {
      if (outreachId !== null) change(of(outreachId), fields.at.getTime())
    }
  }
  return {
    raise: (events, status) =>
      each(events, (row) => {
        row.status = higher(row.status, status)
      }),
    delivered: (events) =>
      each(events, (row, at) => {
        row.status = higher(row.status, 'delivered')
        row.deliveredAt = Math.max(row.deliveredAt ?? at, at)
      }),
    clicked: (events) =>
      each(events, (row, at) => {
        row.clicks++
        row.clickedAt = Math.min(row.clickedAt ?? at, at)
      }),
    learn: (id, ids) => {
      Object.assign(of(id), ids)
    },
    write: async ({ tx }) => {
      if (changes.size === 0) return
      // Rows are locked in the order of this list (see `settings` in index.ts), which is that of the ids, as everywhere.
      const rows = [...changes.values()].toSorted(
        (a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1),
      )
      const seconds = (times: (number | undefined)[]) =>
        plainArray(times.map((at) => (at === undefined ? null : at / 1_000)))
      await tx.$client.query(
        WRITE({
          ids: plainArray(rows.map(({ id }) => id)),
          statuses: plainArray(rows.map(({ status }) => status ?? null)),
          delivered: seconds(rows.map(({ deliveredAt }) => deliveredAt)),
          clicks: plainArray(rows.map(({ clicks }) => clicks)),
          clicked: seconds(rows.map(({ clickedAt }) => clickedAt)),
          messageIds: textArray(rows.map(({ messageId }) => messageId?.id ?? null)),
          messageIdsAt: seconds(rows.map(({ messageId }) => messageId?.at)),
          sgMessageIds: textArray(rows.map(({ sgMessageId }) => sgMessageId?.id ?? null)),
          sgMessageIdsAt: seconds(rows.map(({ sgMessageId }) => sgMessageId?.at)),
        }),
      )
    },
  }
}
