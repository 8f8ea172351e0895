import { sql } from 'drizzle-orm'
import { executePrepared } from '../../db/prepared.ts'
import { contacts, outreach } from '../../db/schema.ts'
import { storableText } from '../../db/storable.ts'
import type { Batch } from '../../inbox/provider.ts'
import { firstAddress, spellings } from '../../mail/addresses.ts'
import type { Mail } from '../../mail/mail.ts'
import { isStopRequest } from '../../mail/stop/stop-request.ts'
import type { Decision } from './decide.ts'

interface Row extends Record<string, unknown> {
  id: string
  was_written_to: boolean
}

/**
 * The contacts that a mail opts out: those with the address in its `From`, so that no person can opt out another. The
 * mail of an unsubscribe button counts only if we wrote to that address from the mailbox that it came to; a reply is
 * already matched to an outreach.
 */
export const contactsWhoStop = async (mail: Mail, decision: Decision, { tx }: Batch): Promise<string[]> => {
  const { kind, match, recipients } = decision
  const isAnswer = kind === 'reply' && match !== undefined && isStopRequest(mail)
  const from = firstAddress(mail.from)
  if ((!isAnswer && kind !== 'unsubscribe') || from === undefined) return []
  // It is not certain then which mailbox it came to, so only the thread can show that we wrote.
  const answered = mail.isRecipientCertain ? null : (match?.outreachId ?? null)
  const rows = await executePrepared<Row>(
    tx,
    'mail_contacts_who_stop',
    sql`
      select ${contacts.id}, exists (
        select from ${outreach}
        where ${outreach.contactId} = ${contacts.id}
          and (lower(${outreach.fromMailbox}) = any(${sql.param(recipients)}::text[]) or ${outreach.id} = ${answered})
          and (${outreach.sentAt} is not null or ${outreach.status} >= 'sent')
      ) as was_written_to
      from ${contacts}
      where lower(${contacts.email}) = any(${sql.param(spellings(from).map((one) => storableText(one)))}::text[])`,
  )
  const counts = isAnswer || rows.some((row) => row.was_written_to)
  return counts ? rows.map((row) => row.id) : []
}
