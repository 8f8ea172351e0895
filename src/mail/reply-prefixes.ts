import { fold } from './text/fold.ts'

const REPLY =
  're|aw|antw|antwort|sv|svar|vs|ref|res|rif|r|odp|ynt|ha|atb|vast|回复|回覆|答复|答覆|返信|σχετ|απ|отв|ответ|השב|تم الرد'
const FORWARD = 'fwd?|wg|tr|rv|enc|doorst|vl|vb|vid|i|pd|ilt|转发|轉寄|転送|προωθ|пер|הועבר'

/** What mail programs put before the subject of an answer, in a folded subject. */
export const REPLY_PREFIX = new RegExp(`^(?:${REPLY}) ?(?:[\\[(^]\\d{1,3}[\\])]?)? ?: ?`, 'u')
/** The same for a forward, which a person sends. */
export const FORWARD_PREFIX = new RegExp(`^(?:${FORWARD}) ?:`, 'u')
export const ANY_PREFIX = new RegExp(`^(?:${REPLY}|${FORWARD}) ?(?:[\\[(^]\\d{1,3}[\\])]?)? ?:`, 'u')

/** The most characters that are read of a subject. */
const MAX_SUBJECT = 1_000
const MAX_PREFIXES = 12

/** The subject without `Re:` and the like, folded. */
export const withoutReplyPrefixes = (subject: string): string => {
  let text = fold(subject.slice(0, MAX_SUBJECT))
  for (let n = 0; n < MAX_PREFIXES; n++) text = text.replace(REPLY_PREFIX, '')
  return text
}
