import type { Json } from '../../inbox/provider.ts'
import { decodeWords } from './encoded-words.ts'
import { type Attachment, type Form, MAX_ATTACHMENTS } from './form.ts'

/** A mail as it is kept in the inbox: what the rules use, in UTF-8, within bounds. */
export interface Mail {
  /** Unix seconds, as Mailgun signed them. */
  timestamp: number
  messageId: string | null
  /** Our mailbox, from the envelope. */
  recipient: string | null
  /** From the envelope: empty for what must not be answered, null when it is not told. */
  sender: string | null
  from: string | null
  subject: string | null
  /** The whole text, and what is left of it without quotes and signature, as far as Mailgun could tell. */
  text: string | null
  strippedText: string | null
  strippedSignature: string | null
  /** In order, repeated ones included; names as they were written. */
  headers: [name: string, value: string][]
  attachments: Attachment[]
}

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

/** Reads a verified form. Whatever its fields hold, it does not throw. */
export const readMail = (form: Form, timestamp: number): Mail => {
  const { fields } = form
  const headers = readHeaders(form)
  const header = (name: string) => findHeader(headers, name)
  const text = (name: string, most: number) => {
    const value = fields.get(name)
    return value === undefined ? null : cut(value, most)
  }
  const subject = fields.get('subject') ?? header('subject')
  return {
    timestamp,
    messageId: header('message-id')?.trim() || null,
    recipient: fields.get('recipient')?.trim() || null,
    sender: fields.get('sender')?.trim() ?? null,
    from: fields.get('from') ?? header('from') ?? null,
    subject: subject === undefined ? null : cut(decodeWords(subject), MAX_SUBJECT),
    text: text('body-plain', MAX_TEXT),
    strippedText: text('stripped-text', MAX_TEXT),
    strippedSignature: text('stripped-signature', MAX_TEXT),
    headers,
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
  const listed = pairsIn(parse(form.fields.get('message-headers')))
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

/** All values of a header, whatever the case of its name. @param name in lower case. */
export const headerValues = ({ headers }: Mail, name: string): string[] =>
  headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value)

/** The mail as the inbox's payload. */
export const toPayload = (mail: Mail): Json => ({
  ...mail,
  attachments: mail.attachments.map((one) => ({ ...one })),
})

const EMPTY: Mail = {
  timestamp: 0,
  messageId: null,
  recipient: null,
  sender: null,
  from: null,
  subject: null,
  text: null,
  strippedText: null,
  strippedSignature: null,
  headers: [],
  attachments: [],
}

/** A mail from the inbox, as {@link toPayload} made it. */
export const fromPayload = (payload: Json): Mail => ({ ...EMPTY, ...(payload as Partial<Mail> | null) })
