import { TextDecoder } from 'node:util'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { Attachment } from '../../mail/mail.ts'

// Mailgun posts its own fields in lower case and, beside them, every header of the mail as a field of its own. An
// outside sender invents those: their names are data, never keys of an object, and their number and size are bounded.

/** A delivery's form, read within bounds. */
export interface Form {
  /** Mailgun's own fields by name, the first of each. */
  fields: Map<string, string>
  /** Further values of fields that a header of the mail may imitate, where it matters which is Mailgun's. */
  others: Map<string, string[]>
  /** The other fields, names as they were written: the mail's headers. */
  headers: [name: string, value: string][]
  attachments: Attachment[]
}

/** An urlencoded body, not decoded before its signature is checked. */
export interface Undecoded {
  urlencoded: string
}

const KIB = 1024

/** The most fields, far more than any mail has headers; more is a 413. */
export const MAX_FIELDS = 10_000
/** The most attachments that are described; further ones are not. */
export const MAX_ATTACHMENTS = 200
const MAX_NAME = 200
/** Of a header posted as a field; and of all of them together. */
const MAX_HEADER = 10 * KIB
const MAX_HEADERS = 256 * KIB

/** Of an invitation, which says what it is at its start. */
export const MAX_CALENDAR = 16 * KIB

export const SIGNATURE_FIELDS = ['timestamp', 'token', 'signature'] as const
const isOfSignature = (name: string) => SIGNATURE_FIELDS.some((field) => field === name)

/** The most values kept of one field: their order does not show which is Mailgun's own. */
const MAX_VALUES = 4
const REPEATABLE = new Set<string>([...SIGNATURE_FIELDS, 'recipient', 'message-headers'])

/** What is read of Mailgun's own fields, in characters. HTML is for a mail without text. */
const OWN_FIELDS = new Map<string, number>([
  ...SIGNATURE_FIELDS.map((name) => [name, KIB] as const),
  ['recipient', 16 * KIB],
  ['sender', KIB],
  ['from', MAX_HEADER],
  ['subject', MAX_HEADER],
  ['body-plain', 256 * KIB],
  ['body-html', 256 * KIB],
  ['body-calendar', MAX_CALENDAR],
  ['stripped-text', 256 * KIB],
  ['stripped-html', 256 * KIB],
  ['stripped-signature', 16 * KIB],
  ['message-headers', 1024 * KIB],
  ['attachments', 256 * KIB],
  ['body-mime', 64 * KIB],
])
const isDropped = (name: string) =>
  /^(body-|stripped-|attachment-)/.test(name) ||
  name === 'content-id-map' ||
  name === 'domain' ||
  name === 'message-url'

export const emptyForm = (): Form => ({ fields: new Map(), others: new Map(), headers: [], attachments: [] })

/** What ends the headers of a message, and what no header holds. */
export const BLANK_LINE = '\r\n\r\n'

/** All values of one of Mailgun's own fields that are kept, without empty ones. */
export const valuesOf = ({ fields, others }: Form, name: string): string[] =>
  [fields.get(name) ?? '', ...(others.get(name) ?? [])].filter((value) => value !== '')

/** @returns a function that takes a form's fields as they come and keeps what is wanted, within bounds. */
export const createCollector = (form: Form) => {
  let headersSize = 0
  return (name: string, value: string): void => {
    const most = OWN_FIELDS.get(name)
    if (most !== undefined) {
      const kept = value.slice(0, most)
      if (!form.fields.has(name)) form.fields.set(name, kept)
      else if (REPEATABLE.has(name)) keepOther(form, name, kept)
      return
    }
    if (isDropped(name) || name === '' || name.length > MAX_NAME || headersSize >= MAX_HEADERS) return
    const kept = value.slice(0, MAX_HEADER)
    headersSize += name.length + kept.length
    form.headers.push([name, kept])
  }
}

const keepOther = (form: Form, name: string, value: string): void => {
  const kept = valuesOf(form, name)
  if (value === '' || kept.includes(value) || kept.length >= MAX_VALUES) return
  form.others.set(name, [...(form.others.get(name) ?? []), value])
}

/** The three fields that sign a delivery; nothing else of the body is decoded. @throws {Refusal} `too_large` */
export const decodeSignature = ({ urlencoded }: Undecoded): Form => decode(urlencoded, 'utf-8', isOfSignature)

/**
 * Decodes an urlencoded body.
 *
 * @param charset as the media type's parameter names it; UTF-8 when it is unknown.
 * @throws {Refusal} `too_large`
 */
export const decodeForm = ({ urlencoded }: Undecoded, charset: string): Form =>
  decode(urlencoded, charset, () => true)

/** A character takes up to three bytes of UTF-8, and each byte takes three characters of the body. */
const MAX_RAW = 9

const decode = (text: string, charset: string, wanted: (name: string) => boolean): Form => {
  const form = emptyForm()
  const collect = createCollector(form)
  const decoder = decoderOf(charset)
  let fields = 0
  for (let from = 0; from < text.length; ) {
    const at = text.indexOf('&', from)
    const end = at === -1 ? text.length : at
    const pair = text.slice(from, end)
    from = end + 1
    if (++fields > MAX_FIELDS) throw tooManyFields()
    const equals = pair.indexOf('=')
    const rawName = equals === -1 ? pair : pair.slice(0, equals)
    if (rawName.length > MAX_RAW * MAX_NAME) continue
    const name = unescaped(rawName, decoder)
    if (!wanted(name)) continue
    const most = MAX_RAW * (OWN_FIELDS.get(name) ?? MAX_HEADER)
    collect(name, equals === -1 ? '' : unescaped(pair.slice(equals + 1, equals + 1 + most), decoder))
  }
  return form
}

export const tooManyFields = () => new Refusal('too_large', `Too many fields, at most ${MAX_FIELDS}`)

const decoderOf = (charset: string): TextDecoder => {
  try {
    return new TextDecoder(charset)
  } catch {
    return new TextDecoder()
  }
}

const PLUS = 0x2b
const PERCENT = 0x25

/** Undoes the encoding of forms: `+` is a space, `%C3%BC` are bytes in the decoder's charset. */
const unescaped = (text: string, decoder: TextDecoder): string => {
  if (!/[%+]/.test(text)) return text
  const bytes = Buffer.from(text)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] as number
    if (byte === PLUS) byte = 0x20
    else if (byte === PERCENT) {
      const value = hexDigit(bytes[i + 1]) * 16 + hexDigit(bytes[i + 2])
      if (!Number.isNaN(value)) {
        byte = value
        i += 2
      }
    }
    bytes[length++] = byte
  }
  return decoder.decode(bytes.subarray(0, length))
}

const hexDigit = (byte: number | undefined): number => {
  if (byte === undefined) return Number.NaN
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN
}
