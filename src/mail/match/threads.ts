import { headerValues, type Mail } from '../mail.ts'
import { decodeHeader } from '../text/decode.ts'

const MAX_IDS = 100
/** RFC 5322 limits a line to 998 characters. */
export const MAX_ID = 998

/** What the headers say about the messages that a mail answers. */
export interface Thread {
  /**
   * Their Message-IDs, each as `<id>`: first `In-Reply-To`, then `References` from the last, which is the nearest,
   * to the first.
   */
  ids: string[]
  /** Whether there is a thread header, even one without a readable id. */
  isReply: boolean
}

/** Reads the thread headers, however they are written. Never throws. */
export const readThread = (mail: Mail): Thread => {
  const [answered, references] = ['in-reply-to', 'references'].map((name) =>
    headerValues(mail, name).filter((value) => value.trim() !== ''),
  ) as [string[], string[]]
  const ids = [...answered.flatMap(idsIn), ...references.flatMap(idsIn).toReversed()]
  return {
    ids: [...new Set(ids)].slice(0, MAX_IDS),
    isReply: answered.length + references.length > 0,
  }
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&' }

/**
 * The ids of one header. Some programs encode the header (RFC 2047), escape it as HTML, as in a URL or as quoted-printable, quote
 * the id or its local part, leave the brackets out or put words beside it; some fold the line within an id.
 */
const idsIn = (value: string): string[] => {
  const written = decodeHeader(withEnd(value))
    .replace(/&(lt|gt|quot|amp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? '')
    .replace(/[＜＞＠]/g, (wide) => wide.normalize('NFKC'))
    .replace(/%3C[^\s<>]{1,998}?%3E/gi, (id) => id.replace(ESCAPED, unescaped))
  // Without an `@` nothing here is an id as written: it may be escaped without brackets, or as quoted-printable.
  const plain = written.includes('@') ? written : written.replace(ESCAPED, unescaped)
  const bracketed = plain.match(/<[^<>]+>/g)?.flatMap(withoutSpace) ?? []
  const ids = bracketed.length > 0 ? bracketed : bareIds(plain)
  return ids.flatMap(withoutQuotes).filter((id) => id.length > 2 && id.length <= MAX_ID)
}

/** Decodes only characters that an id never needs to escape: an id may itself hold a percent sign. */
const ESCAPED = /[%=](3C|3E|40|22|5F)/gi
const unescaped = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16))

/** Adds the end of the last encoded word, where a program cut it off. */
const withEnd = (value: string): string => {
  const last = value.slice(value.lastIndexOf('=?', value.length - 3))
  return /^=\?[\w-]{1,40}\?[qb]\?[^?\s]+$/i.test(last) ? `${value}?=` : value
}

/**
 * `<"outreach_1"@host>` is another way to write `<outreach_1@host>` (RFC 5322). As it stands it may have been learned.
 */
const withoutQuotes = (id: string): string[] => {
  const local = /^<"([^"\\<>@\s]+)"@/.exec(id)
  return local === null ? [id] : [id, `<${local[1]}${id.slice(local[0].length - 1)}`]
}

/** In an encoded word `_` stands for a space (RFC 2047), which programs that encode an id may not know. */
const withoutSpace = (id: string): string[] =>
  /\s/.test(id) ? [id.replace(/\s+/g, ''), id.replace(/ /g, '_').replace(/\s+/g, '')] : [id]

/** Words that look like an id, without the characters around them. */
const bareIds = (text: string): string[] =>
  text
    .split(/[\s<>,;"'()[\]]+/)
    .filter((word) => word.includes('@'))
    .map((word) => `<${word}>`)
