import { headerValues, type Mail } from '../mail.ts'

// Signs in the envelope and the headers. `X-Auto-Response-Suppress` is not one: it asks others not to answer
// automatically, and people's mail carries it.

/** Of a `multipart/report`, what it reports on: empty when it does not say; undefined for any other mail. */
export const reportType = (mail: Mail): string | undefined => {
  const types = headerValues(mail, 'content-type')
  const report = types.find((value) => /^\s*multipart\/report\b/i.test(value))
  if (report !== undefined) return (/;\s*report-type\s*=\s*"?([\w-]+)/i.exec(report)?.[1] ?? '').toLowerCase()
  const part = types.map((value) =>
    /^\s*message\/(delivery-status|disposition-notification|feedback-report)\b/i.exec(value),
  )
  return part.find((match) => match !== null)?.[1]?.toLowerCase()
}

/** Whether the mail answers an invitation: iCalendar's method `REPLY`, wherever it is said. */
export const answersInvitation = (mail: Mail): boolean =>
  mail.calendarMethod === 'REPLY' ||
  [...headerValues(mail, 'content-type'), ...mail.attachments.map(({ type }) => type ?? '')].some(
    (type) =>
      /^\s*(text\/calendar|application\/ics)\b/i.test(type) && /;\s*method\s*=\s*"?reply\b/i.test(type),
  )

/** Headers that only machines write, by their presence: `X-Autoreply`, `X-Auto-Response`, `X-Vacation`, … */
const MACHINE_HEADER =
  /^x-((mail-)?auto-?(reply|respond|responder|response|answer|generated)(-(from|to|sender|id))?|vacation(-(message|reply|notice|id))?|out-?of-?office)$/

/** The strong signs of an automatic mail. */
export const isAutomatic = (mail: Mail): boolean => {
  const words = (name: string) => headerValues(mail, name).map(firstWord)
  return (
    hasEmptyEnvelope(mail) ||
    // RFC 3834: `no`, or what kind of automatic mail it is.
    words('auto-submitted').some((word) => word !== '' && word !== 'no') ||
    mail.headers.some(
      ([name, value]) =>
        MACHINE_HEADER.test(name.toLowerCase()) && !/^(no|none|off|false|0)$/.test(firstWord(value)),
    ) ||
    ['precedence', 'x-precedence', 'preference'].some((name) =>
      words(name).some((word) => /^auto[_-]?reply$/.test(word)),
    ) ||
    words('x-fc-machinegenerated').includes('true') ||
    words('x-apple-action').includes('vacation') ||
    words('x-amazon-mail-relay-type').includes('notification') ||
    words('delivered-to').includes('autoresponder') ||
    headerValues(mail, 'x-post-messageclass').some((value) => /^\s*9\s*;\s*autoresponder/i.test(value)) ||
    headerValues(mail, 'x-bluebottle-request').length > 0 ||
    // Read receipts and other reports that are not bounces.
    reportType(mail) !== undefined
  )
}

/** Before parameters and comments, without quotes, in lower case. */
const firstWord = (value: string): string =>
  (value.split(/[;(]/, 1)[0] ?? '').replaceAll('"', '').trim().toLowerCase()

/** Empty, not absent: the sender wants no answer. Some servers write `<MAILER-DAEMON>` instead. */
const hasEmptyEnvelope = (mail: Mail): boolean =>
  [mail.sender, ...headerValues(mail, 'return-path'), ...headerValues(mail, 'x-envelope-from')].some(
    (sender) => sender !== null && /^(<\s*>|<?mailer-daemon(@[^\s<>@]*)?>?)?$/i.test(sender.trim()),
  )

/** Bulk signs: mail to many, or through a list or a ticket system. */
export const isBulk = (mail: Mail): boolean =>
  ['precedence', 'x-precedence'].some((name) =>
    headerValues(mail, name).some((value) => /^(bulk|list|junk)$/.test(firstWord(value))),
  ) ||
  headerValues(mail, 'feedback-id').length > 0 ||
  mail.headers.some(([name]) => /^list-/i.test(name))

/** A rule in an Exchange mailbox sent it: an answer or a forward. */
export const isSentByMailboxRule = (mail: Mail): boolean =>
  headerValues(mail, 'x-ms-exchange-inbox-rules-loop').length > 0
