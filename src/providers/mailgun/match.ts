import { sql } from 'drizzle-orm'
import { idInMessageId } from '../../domain/outreach-id.ts'
import type { Batch } from '../../inbox/provider.ts'
import { storableText } from '../../inbox/storable.ts'
import { firstAddress, readAddresses, spellings } from '../../mail/addresses.ts'
import type { Mail } from '../../mail/mail.ts'

/** The outreach a reply answers. */
export interface Match {
  matchedBy: 'thread' | 'sender' | 'mailbox'
  outreachId: string
  contactId: string | null
  applicationId: string | null
}

interface Row extends Record<string, unknown> {
  id: string
  message_id: string | null
  contact_id: string | null
  application_id: string | null
}

const toMatch = (matchedBy: Match['matchedBy'], row: Row | undefined): Match | undefined =>
  row && {
    matchedBy,
    outreachId: row.id,
    contactId: row.contact_id,
    applicationId: row.application_id,
  }

/**
 * The outreach whose message is answered: the first id that is known counts. An id of the form
 * `<outreach_{id}@…>` names it, any other equals its `message_id`.
 */
export const byThread = async ({ tx }: Batch, threadIds: string[]): Promise<Match | undefined> => {
  if (threadIds.length === 0) return undefined
  const ids = threadIds.map((id) => storableText(id))
  const outreachIds = ids.flatMap((id) => idInMessageId(id) ?? [])
  // Other services may write a message_id without its angle brackets.
  const messageIds = ids.flatMap((id) => [id, id.slice(1, -1)])
  const { rows } = await tx.execute<Row>(sql`
    select id, message_id, contact_id, application_id
    from outreach
    where id = any(${sql.param(outreachIds)}::bigint[]) or message_id = any(${sql.param(messageIds)}::text[])
    order by id`)
  for (const id of ids) {
    const named = idInMessageId(id)
    const row =
      rows.find((one) => one.id === named) ??
      rows.find((one) => one.message_id === id || one.message_id === id.slice(1, -1))
    if (row) return toMatch('thread', row)
  }
  return undefined
}

/** The latest outreach that went from the mailbox to the person who writes: by `From`, else by the envelope. */
export const bySender = async ({ tx }: Batch, mail: Mail): Promise<Match | undefined> => {
  const recipient = firstAddress(mail.recipient)
  if (recipient === undefined) return undefined
  const senders = [...readAddresses(mail.from ?? ''), ...readAddresses(mail.sender ?? '')]
    .filter(({ address }) => address.includes('@'))
    .flatMap(({ address }) => spellings(address).map((one) => storableText(one)))
  if (senders.length === 0) return undefined
  const { rows } = await tx.execute<Row>(sql`
    select o.id, o.message_id, o.contact_id, o.application_id
    from unnest(${sql.param(senders)}::text[]) with ordinality as sender(email, nth)
      join contacts c on lower(c.email) = lower(sender.email)
      join outreach o on o.contact_id = c.id
    where lower(o.from_mailbox) = any(${mailboxes(recipient)}) and o.sent_at is not null
    order by sender.nth, o.sent_at desc, o.id desc
    limit 1`)
  return toMatch('sender', rows[0])
}

/** The latest outreach from the mailbox that waits for an answer. */
export const byMailbox = async ({ tx }: Batch, mail: Mail): Promise<Match | undefined> => {
  const recipient = firstAddress(mail.recipient)
  if (recipient === undefined) return undefined
  const { rows } = await tx.execute<Row>(sql`
    select id, message_id, contact_id, application_id
    from outreach
    where lower(from_mailbox) = any(${mailboxes(recipient)}) and status in ('sent', 'delivered')
    order by sent_at desc nulls last, id desc
    limit 1`)
  return toMatch('mailbox', rows[0])
}

const mailboxes = (recipient: string) =>
  sql`array(select lower(email) from unnest(${sql.param(spellings(recipient).map((one) => storableText(one)))}::text[]) as u(email))`
