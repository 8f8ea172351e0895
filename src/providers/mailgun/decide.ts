import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { classify, type Kind } from '../../mail/kind/classify.ts'
import type { Mail } from '../../mail/mail.ts'
import { lookUp } from '../../mail/match/known.ts'
import { byAddress, type Match } from '../../mail/match/match.ts'
import { readThread } from '../../mail/match/threads.ts'

export interface DecideOptions {
  fallback: 'mailbox' | 'off'
  /** Milliseconds that a reply waits for an unknown thread. */
  waitLimit: number
}

/** What a mail is, and which outreach it answers. */
export interface Decision {
  kind: Kind
  /** For replies and requests to unsubscribe only. */
  match: Match | undefined
  /** Our mailboxes among the recipients, in lower case. */
  recipients: string[]
}

/**
 * Decides what a mail is. A mail that is automatic whatever it answers is decided at once; a reply to an unknown thread
 * waits.
 */
export const decide = async (
  claimed: ClaimedEvent,
  mail: Mail,
  batch: Batch,
  { fallback, waitLimit }: DecideOptions,
): Promise<Decision | 'wait'> => {
  const { ids, isReply } = readThread(mail)
  const { isOwn, recipients, thread } = await lookUp(batch, mail, ids)
  const decided = (kind: Kind, match?: Match): Decision => ({
    kind,
    match: kind === 'reply' || kind === 'unsubscribe' ? match : undefined,
    recipients,
  })
  if (thread !== undefined) {
    const { isFromContact, isFromUser, ...match } = thread
    const context = { isOwn: isOwn || isFromUser, answersUs: true, isContact: isFromContact }
    return decided(classify(mail, context), match)
  }
  // SendGrid may report the Message-ID that is answered only after the answer. The last look decides without it.
  const { waitingSince } = claimed
  const waited = waitingSince !== null && batch.now.getTime() - waitingSince.getTime() >= waitLimit
  const mayBecome = classify(mail, { isOwn, answersUs: true, isContact: true })
  if (isReply && !waited && mayBecome === 'reply') return 'wait'

  const atMost = classify(mail, { isOwn, answersUs: false, isContact: true })
  if (atMost !== 'reply' && atMost !== 'unsubscribe') return decided(atMost)
  // Only a reply may be matched by other rules than the sender's own address.
  const isReplyAtMost = atMost === 'reply'
  const rules = { domain: isReplyAtMost, mailbox: isReplyAtMost && fallback === 'mailbox' }
  const match = await byAddress(batch, mail, recipients, rules)
  const isContact = match?.matchedBy === 'sender'
  return decided(classify(mail, { isOwn, answersUs: false, isContact }), match)
}
