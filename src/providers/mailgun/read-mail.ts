import type { Attachment, Mail } from '../../mail/mail.ts'
import { decodeHeader } from '../../mail/text/decode.ts'
import { textOfHtml } from '../../mail/text/html.ts'
import { type Form, MAX_ATTACHMENTS, valuesOf } from './form.ts'

const MAX_HEADERS = 2_000
const MAX_HEADER_NAME = 200
const MAX_HEADER_VALUE = 10_000
const MAX_SUBJECT = 1_000
const MAX_TEXT = 100_000
const MAX_FILE_NAME = 1_000
const MAX_MEDIA_TYPE = 200
const NOTE = ' [cut]'

/** Longer text is cut, with a note. */
const cut = (text: string, most: number): string => (text.length > most ? text.slice(0, most) + NOTE : text)

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === ''

/** Reads a verified form. Whatever its fields hold, it does not throw. */
export const readMail = (form: Form, timestamp: number): Mail => {
  const { fields } = form
  const headers = readHeaders(form)
  const header = (name: string) => findHeader(headers, name)
  const text = (name: string, most: number) => {
    const value = fields.get(name)
    return value === undefined ? null : cut(value, most)
  }
  // A mail may have HTML alone.
  const textOr = (name: string, html: string) =>
    isBlank(fields.get('body-plain')) && isBlank(fields.get(name)) && fields.has(html)
      ? cut(textOfHtml(fields.get(html) ?? ''), MAX_TEXT)
      : text(name, MAX_TEXT)
  const subject = fields.get('subject') ?? header('subject')
  return {
    timestamp,
    messageId: header('message-id')?.trim() || null,
    recipient: valuesOf(form, 'recipient')[0]?.trim() || null,
    isRecipientCertain: valuesOf(form, 'recipient').length < 2,
    sender: fields.get('sender')?.trim() ?? null,
    from: fields.get('from') ?? header('from') ?? null,
    subject: subject === undefined ? null : cut(decodeHeader(subject), MAX_SUBJECT),
    text: textOr('body-plain', 'body-html'),
    strippedText: textOr('stripped-text', 'stripped-html'),
    strippedSignature: text('stripped-signature', MAX_TEXT),
    headers,
    calendarMethod: calendarMethod(fields.get('body-calendar')),
    attachments: [...form.attachments, ...storedAttachments(fields.get('attachments'))]
      .slice(0, MAX_ATTACHMENTS)
      .map(({ name, type, size }) => ({
        name: name === null ? null : cut(name, MAX_FILE_NAME),
        type: type === null ? null : cut(type, MAX_MEDIA_TYPE),
        size,
      })),
  }
}

/**
 * `message-headers` has the headers in order; it may be missing. What it does not name is taken from the fields.
 */
const readHeaders = (form: Form): Mail['headers'] => {
  const listed = valuesOf(form, 'message-headers').flatMap((list) => pairsIn(parse(list)))
  const names = new Set(listed.map(([name]) => name.toLowerCase()))
  const others = form.headers.filter(([name]) => !names.has(name.toLowerCase()))
  return [...listed, ...others]
    .filter(([name]) => name !== '' && name.length <= MAX_HEADER_NAME)
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => [name, cut(value, MAX_HEADER_VALUE)])
}

const pairsIn = (list: unknown): Mail['headers'] =>
  (Array.isArray(list) ? list : []).filter(
    (pair): pair is [string, string] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string',
  )

const calendarMethod = (calendar: string | undefined): string | null =>
  /^METHOD:[ \t]*([\w-]+)/im.exec(calendar ?? '')?.[1]?.toUpperCase() ?? null

/** Routes that store the mail (`store(notify=…)`) list its attachments instead of sending them. */
const storedAttachments = (json: string | undefined): Attachment[] => {
  const list = parse(json)
  return (Array.isArray(list) ? list : []).filter(isRecord).map((entry) => ({
    name: typeof entry.name === 'string' ? entry.name : null,
    type: typeof entry['content-type'] === 'string' ? entry['content-type'] : null,
    size: Number.isSafeInteger(entry.size) ? Number(entry.size) : 0,
  }))
}

const parse = (json: string | undefined): unknown => {
  try {
    return JSON.parse(json ?? '')
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const findHeader = (headers: Mail['headers'], name: string): string | undefined =>
  headers.find(([other]) => other.toLowerCase() === name)?.[1]
