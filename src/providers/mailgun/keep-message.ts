import { sql } from 'drizzle-orm'
import { executePrepared } from '../../db/prepared.ts'
import { inboundMessages } from '../../db/schema.ts'
import { storableJson, storableText } from '../../db/storable.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { senderAddress } from '../../mail/addresses.ts'
import type { Mail } from '../../mail/mail.ts'
import type { Decision } from './decide.ts'

/** Writes the row of `inbound_messages` that every mail becomes. */
export const keepMessage = async (
  claimed: ClaimedEvent,
  mail: Mail,
  { kind, match }: Decision,
  { tx }: Batch,
): Promise<void> => {
  const text = (value: string | null | undefined) =>
    value === null || value === undefined ? null : storableText(value)
  const attachments = storableJson(mail.attachments.map((one) => ({ ...one })))
  await executePrepared(
    tx,
    'mail_keep',
    tx.insert(inboundMessages).values({
      outreachId: match === undefined ? null : BigInt(match.outreachId),
      messageId: text(mail.messageId),
      fromEmail: text(senderAddress(mail)),
      recipient: text(mail.recipient),
      subject: text(mail.subject),
      bodyText: text(mail.text ?? mail.strippedText),
      kind,
      matchedBy: match?.matchedBy ?? null,
      attachments: sql`${attachments}::jsonb`,
      receivedAt: claimed.receivedAt,
    }),
  )
}
