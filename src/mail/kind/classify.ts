import { type Address, readAddresses } from '../addresses.ts'
import { headerValues, type Mail } from '../mail.ts'
import { senderNames } from '../sender-names.ts'
import { isAutomaticSubject } from './automatic-subjects.ts'
import { isBounceSubject } from './bounce-subjects.ts'
import {
  isFromChallenger,
  isFromComplaintDesk,
  isFromMailSystem,
  isFromSystem,
  isNamedAsMailSystem,
} from './senders.ts'
import { answersInvitation, isAutomatic, isBulk, isSentByMailboxRule, reportType } from './signs.ts'
import { isUnsubscribeMail } from './unsubscribe-mail.ts'

/** What a mail is; section 7 of the contract. Only a `reply` moves an outreach on. */
export type Kind = 'own' | 'complaint' | 'bounce' | 'unsubscribe' | 'auto_reply' | 'reply'

/** What the database knows about a mail. */
export interface Context {
  /**
   * It is our own mail arriving here: From is one of our mailboxes, or its Message-Id is an outreach's, or From is
   * the user of the application whose message it answers.
   */
  isOwn: boolean
  /**
   * A thread header names one of our messages. Then bulk signs alone do not count: people reply from behind ticket
   * and applicant systems.
   */
  answersUs: boolean
  /**
   * From is the address of a contact to whom we wrote from this mailbox. Then an answer to an invitation is a reply.
   */
  isContact: boolean
}

/**
 * The first kind that holds. Looks at the envelope, the headers and the subject; at the text only to recognize the mail
 * of an unsubscribe button. Never throws, and takes a time that grows with the mail's size.
 */
export const classify = (mail: Mail, { isOwn, answersUs, isContact }: Context): Kind => {
  if (isOwn) return 'own'
  const senders = readAddresses(mail.from ?? '')
  if (isComplaint(mail, senders)) return 'complaint'
  if (isBounce(mail, senders)) return 'bounce'
  if (isUnsubscribeMail(mail)) return 'unsubscribe'
  if (isContact && answersInvitation(mail)) return 'reply'
  if (isAutomatic(mail) || isFromChallenger(senders)) return 'auto_reply'
  const isMany = isBulk(mail) || isFromSystem(senders)
  const beside = { weakSign: isMany || isSentByMailboxRule(mail), names: senderNames(mail.from) }
  if (isAutomaticSubject(mail.subject ?? '', beside)) return 'auto_reply'
  return isMany && !answersUs ? 'auto_reply' : 'reply'
}

/** A feedback report, or what providers send instead. */
const isComplaint = (mail: Mail, senders: Address[]): boolean =>
  reportType(mail) === 'feedback-report' ||
  isFromComplaintDesk(senders) ||
  headerValues(mail, 'feedback-type').length > 0

const isBounce = (mail: Mail, senders: Address[]): boolean =>
  headerValues(mail, 'x-failed-recipients').length > 0 ||
  reportType(mail) === 'delivery-status' ||
  isFromMailSystem(senders) ||
  // Without these signs: the subject of a bounce, on a mail that no person sent.
  (isBounceSubject(mail.subject ?? '', { wholly: false }) &&
    (isAutomatic(mail) || isNamedAsMailSystem(senders))) ||
  (isBounceSubject(mail.subject ?? '', { wholly: true }) && isFromSystem(senders))
