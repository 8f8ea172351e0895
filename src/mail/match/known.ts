import { sql } from 'drizzle-orm'
import { messageIdKey } from '../../db/index-keys.ts'
import { executePrepared } from '../../db/prepared.ts'
import { applications, contacts, mailboxes, outreach, users } from '../../db/schema.ts'
import { storableText } from '../../db/storable.ts'
import { bareMessageId } from '../../domain/message-id.ts'
import { idInMessageId } from '../../domain/outreach-id.ts'
import type { Batch } from '../../inbox/provider.ts'
import { recipientsOf, senderAddress, spellings, withoutTag } from '../addresses.ts'
import type { Mail } from '../mail.ts'
import type { Match } from './match.ts'
import { MAX_ID } from './threads.ts'

/** What the database knows about a mail by its addresses and Message-IDs. */
export interface Known {
  /** From is one of our mailboxes, or the Message-Id is an outreach's. */
  isOwn: boolean
  /** Our own addresses among the recipients, in lower case, without plus-tags. */
  recipients: string[]
  /** The outreach whose message is answered. */
  thread: (Match & { isFromContact: boolean; isFromUser: boolean }) | undefined
}

interface Row extends Record<string, unknown> {
  ours: string[]
  id: string | null
  message_id: string | null
  contact_id: string | null
  application_id: string | null
  contact_email: string | null
  user_email: string | null
}

/** Asks for all of it in one statement. @param threadIds as `readThread` gives them. */
export const lookUp = async ({ tx }: Pick<Batch, 'tx'>, mail: Mail, threadIds: string[]): Promise<Known> => {
  const sender = senderAddress(mail)
  const from = sender === undefined ? [] : formsOf(sender)
  const recipients = mail.isRecipientCertain ? recipientsOf(mail).map(formsOf) : []
  const ids = threadIds.map((id) => storableText(id))
  const own = mail.messageId === null || mail.messageId.length > MAX_ID ? [] : [storableText(mail.messageId)]
  const rows = await executePrepared<Row>(
    tx,
    'mail_known',
    sql`
      with given as materialized (
        select array(
          select address from unnest(${sql.param([...from, ...recipients.flat()])}::text[]) as address
          where coalesce(
            (select true from ${mailboxes} where lower(${mailboxes.email}) = address limit 1),
            (select true from ${outreach} where lower(${outreach.fromMailbox}) = address limit 1))
        ) as ours
      ), named as (
        select ${outreach.id}, ${outreach.messageId}, ${outreach.contactId}, ${outreach.applicationId},
               ${contacts.email} as contact_email, ${users.email} as user_email
        from ${outreach}
          left join ${contacts} on ${contacts.id} = ${outreach.contactId}
          left join ${applications} on ${applications.id} = ${outreach.applicationId}
          left join ${users} on ${users.id} = ${applications.userId}
        where ${outreach.id} = any(${sql.param([...ids, ...own].flatMap((id) => idInMessageId(id) ?? []))}::bigint[])
           or ${messageIdKey(outreach.messageId)} = any(${sql.param([...ids, ...own].map(keyOf))}::text[])
      )
      select * from given left join named on true order by named.id`,
  )
  const ours = new Set(rows[0]?.ours)
  const named = rows.filter((row) => row.id !== null)
  const answered = ids.map((id) => rowOf(named, id)).find((row) => row !== undefined)
  const isFrom = (email: string | null) =>
    email !== null && sender !== undefined && spellings(sender).includes(email.trim().toLowerCase())
  return {
    isOwn: from.some((form) => ours.has(form)) || own.some((id) => rowOf(named, id) !== undefined),
    recipients: recipients.flatMap((forms) => spellings(forms.find((form) => ours.has(form)) ?? '')),
    thread: answered && {
      matchedBy: 'thread',
      outreachId: String(answered.id),
      contactId: answered.contact_id,
      applicationId: answered.application_id,
      isFromContact: isFrom(answered.contact_email),
      isFromUser: isFrom(answered.user_email),
    },
  }
}

/** An address as it may be stored: first as it is written, then without its plus-tag. */
const formsOf = (address: string): string[] =>
  [...new Set([...spellings(address), ...spellings(withoutTag(address))])].map((one) => storableText(one))

const keyOf = (messageId: string): string => bareMessageId(messageId).toLowerCase()

/** The row that a Message-ID names, by our own form of it before any other, in its letter case before any other. */
const rowOf = (rows: Row[], id: string): Row | undefined => {
  const named = idInMessageId(id)
  return (
    rows.find((row) => row.id === named) ??
    rows.find(({ message_id }) => message_id !== null && bareMessageId(message_id) === bareMessageId(id)) ??
    rows.find(({ message_id }) => message_id !== null && keyOf(message_id) === keyOf(id))
  )
}
