import { sql } from 'drizzle-orm'
import { lockApplications, lockContacts, lockOutreach } from '../../domain/locks.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { storableJson, storableText } from '../../inbox/storable.ts'
import { firstAddress } from '../../mail/addresses.ts'
import { classify, type Kind } from '../../mail/classify.ts'
import { fromPayload, type Mail } from '../../mail/mail.ts'
import { byMailbox, bySender, byThread, type Match } from './match.ts'
import { reply } from './reply.ts'
import { threadIds } from './thread.ts'

export interface InboundOptions {
  fallback: 'mailbox' | 'off'
  /** Milliseconds that a reply waits for an unknown thread. */
  waitLimit: number
}

/** `inbound`: a mail came back. Every one is kept; only a person's reply changes anything. */
export const inbound = async (
  claimed: ClaimedEvent,
  batch: Batch,
  options: InboundOptions,
): Promise<void> => {
  const mail = fromPayload(claimed.payload)
  const decided = await decide(claimed, mail, batch, options)
  if (decided === 'wait') return batch.wait(claimed, 'the thread is not known')
  const { kind, match } = decided
  if (match !== undefined) await lock(match, batch)
  await keep(claimed, mail, kind, match, batch)
  if (match !== undefined) await reply(claimed, mail, match, batch)
}

interface Decision {
  kind: Kind
  match: Match | undefined
}

const decide = async (
  claimed: ClaimedEvent,
  mail: Mail,
  batch: Batch,
  { fallback, waitLimit }: InboundOptions,
): Promise<Decision | 'wait'> => {
  const inThread = classify(mail, { isOwn: false, answersUs: true, isContact: false })
  if (inThread !== 'reply') return { kind: inThread, match: undefined }
  const ids = threadIds(mail)
  const thread = await byThread(batch, ids)
  if (thread !== undefined) return { kind: 'reply', match: thread }
  // SendGrid may tell the Message-ID that is answered only after the answer. The last look decides without it.
  const { waitingSince } = claimed
  const waited = waitingSince !== null && batch.now.getTime() - waitingSince.getTime() >= waitLimit
  const mayWait = ids.length > 0 && !waited
  const kind = classify(mail, { isOwn: false, answersUs: false, isContact: false })
  if (kind !== 'reply') return mayWait ? 'wait' : { kind, match: undefined }
  const sender = await bySender(batch, mail)
  if (sender !== undefined) return { kind, match: sender }
  if (mayWait) return 'wait'
  return { kind, match: fallback === 'mailbox' ? await byMailbox(batch, mail) : undefined }
}

const lock = async ({ contactId, outreachId, applicationId }: Match, { tx }: Batch): Promise<void> => {
  if (contactId !== null) await lockContacts(tx, [contactId])
  await lockOutreach(tx, [outreachId])
  if (applicationId !== null) await lockApplications(tx, [applicationId])
}

const keep = async (
  claimed: ClaimedEvent,
  mail: Mail,
  kind: Decision['kind'],
  match: Match | undefined,
  { tx }: Batch,
): Promise<void> => {
  const text = (value: string | null | undefined) =>
    value === null || value === undefined ? null : storableText(value)
  const attachments = storableJson(mail.attachments.map(({ name, type, size }) => ({ name, type, size })))
  await tx.execute(sql`
    insert into inbound_messages (outreach_id, message_id, from_email, recipient, subject, body_text, kind, matched_by,
                                  attachments, received_at)
    values (${match?.outreachId ?? null}, ${text(mail.messageId)}, ${text(firstAddress(mail.from) ?? firstAddress(mail.sender))},
            ${text(mail.recipient)}, ${text(mail.subject)}, ${text(mail.text ?? mail.strippedText)}, ${kind},
            ${match?.matchedBy ?? null}, ${attachments}::jsonb, ${claimed.receivedAt})`)
}
