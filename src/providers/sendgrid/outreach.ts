import { sql } from 'drizzle-orm'
import { lockContacts, lockOutreach } from '../../domain/locks.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { type EventFields, fieldsOf } from './events.ts'

/** An event with the outreach it is about. */
export interface OutreachEvent {
  claimed: ClaimedEvent
  fields: EventFields
  outreachId: string
  contactId: string | null
  mailboxId: string | null
  /** Another service wrote its Message-ID: there is none to learn. */
  messageIdGiven: boolean
}

interface OutreachRow extends Record<string, unknown> {
  id: string
  message_id: string | null
  contact_id: string | null
  mailbox_id: string | null
  given: boolean
}

/**
 * Finds the outreach of each event and locks the rows that the handlers will write, in the one order everywhere.
 * Events whose outreach is not there yet wait; those that name none are skipped.
 */
export const findOutreach = async (events: ClaimedEvent[], batch: Batch): Promise<OutreachEvent[]> => {
  const read = events.map((claimed) => ({ claimed, fields: fieldsOf(claimed) }))
  const ids = unique(read.map(({ fields }) => fields.outreachId))
  const messageIds = unique(
    read.map(({ fields }) => (fields.outreachId === undefined ? fields.smtpId : undefined)),
  )
  const rows = await selectOutreach(batch, ids, messageIds)
  const byId = new Map(rows.map((row) => [row.id, row]))
  // Rows come by descending id: of several with one message_id the lowest stays.
  const byMessageId = new Map(rows.map((row) => [row.message_id, row]))

  const found: OutreachEvent[] = []
  for (const { claimed, fields } of read) {
    const { outreachId, smtpId } = fields
    const row = outreachId === undefined ? smtpId && byMessageId.get(smtpId) : byId.get(outreachId)
    if (row) {
      found.push({
        claimed,
        fields,
        outreachId: row.id,
        contactId: row.contact_id,
        mailboxId: row.mailbox_id,
        messageIdGiven: row.given,
      })
    } else if (outreachId !== undefined) {
      batch.wait(claimed, 'outreach not found', { outreachId })
    } else {
      batch.skip(claimed, 'outreach not found: the event names none', { revivable: smtpId !== undefined })
    }
  }
  await lockContacts(batch.tx, unique(found.map(({ contactId }) => contactId)))
  await lockOutreach(batch.tx, unique(found.map(({ outreachId }) => outreachId)))
  return found
}

const selectOutreach = async ({ tx }: Batch, ids: string[], messageIds: string[]): Promise<OutreachRow[]> => {
  const { rows } = await tx.execute<OutreachRow>(sql`
    select o.id, o.message_id, o.contact_id, m.id as mailbox_id,
           coalesce(o.message_id, '') <> '' and o.message_id_seen_at is null as given
    from outreach o left join mailboxes m on lower(m.email) = lower(o.from_mailbox)
    where o.id = any(${sql.param(ids)}::bigint[]) or o.message_id = any(${sql.param(messageIds)}::text[])
    order by o.id desc`)
  return rows
}

const unique = (values: (string | null | undefined)[]): string[] => [
  ...new Set(values.filter((value) => value !== null && value !== undefined)),
]
