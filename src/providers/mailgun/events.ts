import { idInMessageId } from '../../domain/outreach-id.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { IncomingEvent, Json, KeptDelivery } from '../../inbox/provider.ts'
import { canonicalJson, limitId, sha256, storableJson, storableText } from '../../inbox/storable.ts'
import { fromPayload, headerValues, type Mail, toPayload } from '../../mail/mail.ts'
import type { Form } from './form.ts'
import { readMail } from './read-mail.ts'
import { MAX_ID, threadIds } from './thread.ts'
import type { Signature } from './verify.ts'

const MAIL_FIELDS = ['recipient', 'sender', 'from', 'subject', 'body-plain', 'message-headers']
const MAX_ADDRESS = 320

/** Reads a verified form: one mail, one event. @throws {Refusal} `malformed` when it is no mail. */
export const readEvent = (form: Form, signature: Signature): IncomingEvent => {
  if (form.fields.has('body-mime')) {
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
    eventType: 'inbound',
    subject: subjectOf(mail),
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
    eventType: 'inbound',
    subject: subjectOf(mail),
    payload,
    occurredAt: new Date(mail.timestamp * 1_000),
  }
}

/** What stays when Mailgun posts a mail again, perhaps with another token. One mail to two mailboxes is two. */
const identity = (mail: Mail, form: Form): Json => {
  const recipient = mail.recipient?.toLowerCase() ?? null
  const id = mail.messageId === null ? {} : { 'Message-Id': mail.messageId }
  // What is too long to be an id was cut: alone it would make one mail of two.
  if (mail.messageId !== null && mail.messageId.length <= MAX_ID && recipient !== null) {
    return { ...id, recipient }
  }
  return {
    ...id,
    recipient,
    sender: mail.sender,
    from: mail.from,
    subject: form.fields.get('subject') ?? mail.subject,
    Date: headerValues(mail, 'date')[0] ?? null,
    body: form.fields.get('body-plain') ?? null,
  }
}

const subjectOf = (mail: Mail): string | null => {
  for (const id of threadIds(mail)) {
    const outreachId = idInMessageId(id)
    if (outreachId !== undefined) return `outreach:${outreachId}`
  }
  return mail.recipient === null ? null : `mailbox:${storableText(mail.recipient.toLowerCase(), MAX_ADDRESS)}`
}
