import { decodeHeader } from './decode.ts'
import { headerValues, type Mail } from './mail.ts'

const MAX_IDS = 100
/** RFC 5322 limits a line to 998 characters. */
export const MAX_ID = 998

/** What a mail says about the messages that it answers. */
export interface Thread {
  /**
   * Their Message-IDs, each as `<id>`: first `In-Reply-To`, then `References` from the last, which is the nearest,
   * to the first.
   */
  ids: string[]
  /** There is a thread header, even if no id can be read in it. */
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
 * The ids of one header. Some programs encode the header (RFC 2047), escape its brackets as HTML, quote the id, leave
 * the brackets out or put words beside it; some fold the line within an id.
 */
const idsIn = (value: string): string[] => {
  const plain = decodeHeader(value).replace(
    /&(lt|gt|quot|amp);/gi,
    (_, name: string) => ENTITIES[name.toLowerCase()] ?? '',
  )
  const bracketed = plain.match(/<[^<>]+>/g)?.flatMap(withoutSpace) ?? []
  const ids = bracketed.length > 0 ? bracketed : bareIds(plain)
  return ids.filter((id) => id.length > 2 && id.length <= MAX_ID)
}

/** In an encoded word `_` stands for a space (RFC 2047): who encodes an id may have forgotten that. */
const withoutSpace = (id: string): string[] =>
  /\s/.test(id) ? [id.replace(/\s+/g, ''), id.replace(/ /g, '_').replace(/\s+/g, '')] : [id]

/** Words that look like an id, without what stands around them. */
const bareIds = (text: string): string[] =>
  text
    .split(/[\s<>,;"'()[\]]+/)
    .filter((word) => word.includes('@'))
    .map((word) => `<${word}>`)
