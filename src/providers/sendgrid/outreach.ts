import { type SQLWrapper, sql } from 'drizzle-orm'
import { messageIdKey } from '../../db/index-keys.ts'
import { contacts, mailboxes, outreach } from '../../db/schema.ts'
import { plainArray, textArray } from '../../db/statement.ts'
import { bareMessageId } from '../../domain/message-id.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import type { EventFields } from './events.ts'

/** An event that is read, before the rows it is about are known. */
export interface ReadEvent {
  claimed: ClaimedEvent
  fields: EventFields
}

/** An outreach as it was before the batch locked it. */
export interface OutreachRow extends Record<string, unknown> {
  id: string
  contactId: string | null
  mailboxId: string | null
  messageId: string | null
  /** Milliseconds; null when another service wrote the Message-ID, or when it is not known. */
  messageIdSeenAt: number | null
  sgMessageId: string | null
  sgMessageIdSeenAt: number | null
  /** Only of rows that were looked for by a mail's id. */
  contactEmail: string | null
}

/** An event and the outreach it is about, if it names one that is there. */
export interface Named extends ReadEvent {
  outreach: OutreachRow | undefined
  /** Named by the outreach's own id, or by an id that another service wrote, so its other ids may be learned. */
  teaches: boolean
}

/** Milliseconds that an event waits for the outreach it names. After that it counts as one that names none. */
export const WAIT_LIMIT = 15 * 60_000

/** Finds the outreach of each event. Those that name one which is not there yet wait, and are left out. */
export const findOutreach = async (events: ReadEvent[], batch: Batch): Promise<Named[]> => {
  const withoutId = events.filter(({ fields }) => fields.outreachId === undefined)
  const rows = await selectOutreach(batch, {
    ids: unique(events.map(({ fields }) => fields.outreachId)),
    messageIds: unique(withoutId.map(({ fields }) => fields.smtpId)),
    mailIds: unique(withoutId.map(({ fields }) => fields.mailId)),
  })
  const byId = new Map(rows.map((row) => [row.id, row]))
  const byMail = withoutId.length === 0 ? () => undefined : indexByMail(rows, events, byId)

  return events.flatMap((event): Named[] => {
    const { outreachId } = event.fields
    if (outreachId === undefined) {
      const found = byMail(event.fields)
      return [{ ...event, outreach: found?.row, teaches: found?.given === true }]
    }
    const row = byId.get(outreachId)
    if (row !== undefined) return [{ ...event, outreach: row, teaches: true }]
    if (hasWaited(event.claimed, batch.now)) return [{ ...event, outreach: undefined, teaches: false }]
    batch.wait(event.claimed, 'outreach not found', { outreachId })
    return []
  })
}

const hasWaited = ({ waitingSince }: ClaimedEvent, now: Date): boolean =>
  waitingSince !== null && now.getTime() - waitingSince.getTime() >= WAIT_LIMIT

interface ByMail {
  row: OutreachRow
  /** Another service wrote the id by which it was found. */
  given: boolean
}

/**
 * Finds an outreach by its mail's ids: by the Message-ID, else by SendGrid's id of the mail. Ids in events of this batch
 * that name their outreach count as learned already. If several outreach match, the one to the event's address is
 * taken (mails sent by one request share SendGrid's id), else the one with the lowest id.
 */
const indexByMail = (rows: OutreachRow[], events: ReadEvent[], byId: Map<string, OutreachRow>) => {
  const byMessageId = new Map<string, ByMail[]>()
  const byMailId = new Map<string, ByMail[]>()
  const put = (index: Map<string, ByMail[]>, id: string | null | undefined, found: ByMail): void => {
    if (id === undefined || id === null || id === '') return
    const others = index.get(id)
    if (others === undefined) index.set(id, [found])
    else others.push(found)
  }
  for (const row of rows) {
    put(byMessageId, row.messageId && bareMessageId(row.messageId), { row, given: isGiven(row, 'messageId') })
    put(byMailId, row.sgMessageId, { row, given: isGiven(row, 'sgMessageId') })
  }
  for (const { claimed, fields } of events) {
    const row = fields.outreachId === undefined ? undefined : byId.get(fields.outreachId)
    if (row === undefined) continue
    const found = { row, given: false }
    if (TELL_MESSAGE_ID.has(claimed.eventType) && !isGiven(row, 'messageId')) {
      put(byMessageId, fields.smtpId && bareMessageId(fields.smtpId), found)
    }
    if (!isGiven(row, 'sgMessageId')) put(byMailId, fields.mailId, found)
  }
  const choose = (found: ByMail[] = [], email: string | undefined): ByMail | undefined => {
    const lowest = found.toSorted((a, b) => Number(BigInt(a.row.id) - BigInt(b.row.id)))
    return lowest.find(({ row }) => sameAddress(row.contactEmail, email)) ?? lowest[0]
  }
  return ({ smtpId, mailId, email }: EventFields): ByMail | undefined =>
    choose(smtpId === undefined ? undefined : byMessageId.get(bareMessageId(smtpId)), email) ??
    choose(mailId === undefined ? undefined : byMailId.get(mailId), email)
}

const sameAddress = (a: string | null, b: string | undefined): boolean =>
  a !== null && b !== undefined && a.toLowerCase() === b.toLowerCase()

/** The types whose `smtp-id` is learned. */
export const TELL_MESSAGE_ID: ReadonlySet<string> = new Set(['processed', 'delivered'])

/** Whether another service wrote this id of the mail: it is never replaced. */
export const isGiven = (row: OutreachRow, id: 'messageId' | 'sgMessageId'): boolean =>
  Boolean(row[id]) && row[`${id}SeenAt`] === null

interface Wanted {
  ids: string[]
  messageIds: string[]
  mailIds: string[]
}

/** By ascending id. */
const selectOutreach = async (
  { tx }: Batch,
  { ids, messageIds, mailIds }: Wanted,
): Promise<OutreachRow[]> => {
  const byMail = messageIds.length + mailIds.length > 0
  const { rows } = await tx.execute<OutreachRow>(sql`
    select ${outreach.id}, ${outreach.contactId} as "contactId", ${mailboxes.id} as "mailboxId",
           ${outreach.messageId} as "messageId", ${milliseconds(outreach.messageIdSeenAt)} as "messageIdSeenAt",
           ${outreach.sgMessageId} as "sgMessageId", ${milliseconds(outreach.sgMessageIdSeenAt)} as "sgMessageIdSeenAt",
           ${byMail ? sql`(select ${contacts.email} from ${contacts} where ${contacts.id} = ${outreach.contactId})` : sql`null`} as "contactEmail"
    from ${outreach} left join ${mailboxes} on lower(${mailboxes.email}) = lower(${outreach.fromMailbox})
    where ${outreach.id} = any(${plainArray(ids)}::bigint[])
       or ${messageIdKey(outreach.messageId)} = any(
            array(select ${messageIdKey(sql`u.id`)} from unnest(${textArray(messageIds)}::text[]) as u(id)))
       or ${outreach.sgMessageId} = any(${textArray(mailIds)}::text[])
    order by ${outreach.id}`)
  return rows
}

const milliseconds = (column: SQLWrapper) => sql`(extract(epoch from ${column}) * 1000)::float8`

const unique = (values: (string | undefined)[]): string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
]
