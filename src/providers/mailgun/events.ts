import { canonicalJson, type Json, limitId, sha256, storableJson, storableText } from '../../db/storable.ts'
import { trimmed } from '../../domain/message-id.ts'
import { idInMessageId } from '../../domain/outreach-id.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { IncomingEvent, KeptDelivery } from '../../inbox/provider.ts'
import { firstAddress, withoutTag } from '../../mail/addresses.ts'
import { fromPayload, headerValues, type Mail, toPayload } from '../../mail/mail.ts'
import { MAX_ID, readThread } from '../../mail/match/threads.ts'
import { BLANK_LINE, type Form, valuesOf } from './form.ts'
import { readMail } from './read-mail.ts'
import type { Signature } from './verify.ts'

/** The only event type here: an inbound mail. */
export const EVENT_TYPE = 'inbound'

const MAIL_FIELDS = ['recipient', 'sender', 'from', 'subject', 'body-plain', 'message-headers']
/** Mailgun posts one of these with every mail that it has parsed. */
const PARSED_FIELDS = ['body-plain', 'message-headers']
const MAX_ADDRESS = 320

/** Reads a verified form: one mail, one event. @throws {Refusal} `malformed` when it is not a mail. */
export const readEvent = (form: Form, signature: Signature): IncomingEvent => {
  if (isRawMime(form)) {
    throw new Refusal(
      'malformed',
      'This route posts raw MIME (body-mime): let its forward() URL end in /webhooks/mailgun-inbound, not in "mime"',
    )
  }
  if (!MAIL_FIELDS.some((name) => form.fields.has(name))) {
    throw new Refusal('malformed', 'Expected the fields of an inbound message')
  }
  const mail = readMail(form, signature.timestamp)
  return {
    eventId: limitId(signature.token),
    dedupeKey: sha256(canonicalJson(identity(mail, form))),
    eventType: EVENT_TYPE,
    subject: eventSubject(mail),
    payload: toPayload(mail),
    occurredAt: new Date(signature.timestamp * 1_000),
  }
}

/** What is kept of a mail. */
export const keptBody = ({ payload }: IncomingEvent): Buffer => Buffer.from(storableJson(payload))

/** Reads a kept mail. Its identity is kept beside it, since the mail alone does not tell it. */
export const readKept = ({ body, eventId, dedupeKey }: KeptDelivery): IncomingEvent => {
  const payload: Json = JSON.parse(body.toString('utf8'))
  const mail = fromPayload(payload)
  return {
    eventId: eventId ?? '',
    dedupeKey: dedupeKey ?? '',
    eventType: EVENT_TYPE,
    subject: eventSubject(mail),
    payload,
    occurredAt: new Date(mail.timestamp * 1_000),
  }
}

/**
 * A header of a mail may also be called `body-mime`, but then the mail's other fields are there, and the value is one
 * line.
 */
const isRawMime = ({ fields }: Form): boolean => {
  const raw = fields.get('body-mime')
  if (raw === undefined) return false
  return (
    raw.replaceAll(/\r?\n/g, '\r\n').includes(BLANK_LINE) || !PARSED_FIELDS.some((name) => fields.has(name))
  )
}

/**
 * The identity that stays when Mailgun posts a mail again, perhaps with another token. One mail to two mailboxes is two
 * events.
 */
const identity = (mail: Mail, form: Form): Json => {
  const recipient =
    valuesOf(form, 'recipient')
      .map((value) => value.trim().toLowerCase())
      .join() || null
  const { messageId } = mail
  if (messageId !== null && messageId.length <= MAX_ID && isUnique(messageId)) {
    return { 'Message-Id': messageId, recipient }
  }
  return {
    // A longer Message-Id was cut, so it alone could make one mail of two.
    ...(messageId !== null && messageId.length > MAX_ID ? { 'Message-Id': messageId } : {}),
    recipient,
    sender: mail.sender,
    from: mail.from,
    subject: form.fields.get('subject') ?? mail.subject,
    Date: headerValues(mail, 'date')[0] ?? null,
    body:
      form.fields.get('body-plain') ||
      (form.fields.get('body-html') ?? form.fields.get('body-plain') ?? null),
  }
}

/** Some programs write the same to every mail: `<>`, `<@>`, `<unknown>`, `<1@localhost>`, `<undefined@undefined>`. */
const isUnique = (messageId: string): boolean => {
  const id = trimmed(messageId, '<> \t\r\n')
  const at = id.lastIndexOf('@')
  const [left, right] = [id.slice(0, at).trim(), id.slice(at + 1).trim()]
  return at !== -1 && left !== '' && right !== '' && !NO_HOST.test(right)
}
const NO_HOST = /^(localhost(\.localdomain)?|127\.0\.0\.1|unknown|undefined|\(?null\)?)$/i

const eventSubject = (mail: Mail): string | null => {
  for (const id of readThread(mail).ids) {
    const outreachId = idInMessageId(id)
    if (outreachId !== undefined) return `outreach:${outreachId}`
  }
  const mailbox = firstAddress(mail.recipient) ?? mail.recipient?.toLowerCase()
  return mailbox === undefined ? null : `mailbox:${storableText(withoutTag(mailbox), MAX_ADDRESS)}`
}
