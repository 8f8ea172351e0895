import { headerValues, type Mail } from '../../mail/mail.ts'

const MAX_IDS = 100
/** RFC 5322 limits a line to 998 characters. */
export const MAX_ID = 998

/**
 * The Message-IDs a mail answers, each as `<id>`: first `In-Reply-To`, then `References` from the last, which is
 * the nearest, to the first.
 */
export const threadIds = (mail: Mail): string[] => {
  const answered = headerValues(mail, 'in-reply-to').flatMap(idsIn)
  const references = headerValues(mail, 'references').flatMap(idsIn).toReversed()
  return [...new Set([...answered, ...references])].slice(0, MAX_IDS)
}

/** Some programs leave the angle brackets out, or put words beside the id. */
const idsIn = (value: string): string[] => {
  const bracketed = value.match(/<[^<>\s]+>/g)
  const bare = () => value.split(/[\s<>]+/).filter((word) => word.includes('@'))
  const ids = bracketed ?? bare().map((word) => `<${word}>`)
  return ids.filter((id) => id.length <= MAX_ID)
}
