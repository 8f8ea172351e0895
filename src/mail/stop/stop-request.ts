import { trimmed } from '../../domain/message-id.ts'
import { firstAddress, spellings, withoutTag } from '../addresses.ts'
import type { Mail } from '../mail.ts'
import { withoutReplyPrefixes } from '../reply-prefixes.ts'
import { senderNames } from '../sender-names.ts'
import { fold } from '../text/fold.ts'
import { readingsOf } from '../text/readings.ts'
import { LANGUAGES, PARTS, POLITE } from './stop-phrases.ts'
import { REASONS } from './stop-reasons.ts'

/** A request to stop is short. Longer text is not looked at, which also bounds the work. In characters and words. */
const MAX_LENGTH = 400
const MAX_WORDS = 80
/** Of one phrase. */
const MAX_PHRASE_WORDS = 12

/**
 * Whether a reply only says that its sender wants no more mail. Quotes, the signature, greetings, thanks and the usual
 * reasons do not count; any other word makes it an ordinary reply (`Stop by my office`).
 */
export const isStopRequest = (mail: Mail): boolean => {
  const sender = { names: senderNames(mail.from), addresses: ownAddresses(mail) }
  return readingsOf(mail).some((text) =>
    // A mail from a `mailto:` unsubscribe link has the request in its subject only.
    saysStop(text === '' ? withoutReplyPrefixes(mail.subject ?? '') : text, sender),
  )
}

/** Who asks. A request that names another person's address is about that person. */
interface Sender {
  names: ReadonlySet<string>
  addresses: ReadonlySet<string>
}

const ownAddresses = ({ from }: Mail): Set<string> => {
  const address = firstAddress(from)
  return new Set(address === undefined ? [] : [address, withoutTag(address)].flatMap(spellings))
}

const expand = (pattern: string): string =>
  pattern.replace(/[A-Z]{2,5}_[A-Z]{2}/g, (name) => PARTS[name] ?? name)
/** Folded as the text is: the operators of a pattern stay as they are. */
const compile = (patterns: string[]): RegExp =>
  new RegExp(`^(?:${patterns.map((one) => foldPattern(expand(expand(one)))).join('|')})$`, 'u')
const foldPattern = (pattern: string): string =>
  pattern
    .split(/([()|?* ]+)/)
    .map((part, n) => (n % 2 === 0 ? fold(part) : part))
    .join('')

const POLITE_PHRASE = compile([...POLITE, ...REASONS])
const SPOKEN = Object.values(LANGUAGES).map(({ asks, fills }) => ({
  asks: compile(asks),
  fills: new Set(fills.split(' ').map((word) => fold(word).replaceAll('_', ' '))),
}))
const GREETING =
  /^(hi|hello|hey|dear|hallo|liebe|lieber|guten tag|sehr geehrter? (herr|frau)|bonjour|chere?|hola|estimad[oa]|querid[oa]|ciao|gentile|ola|prezad[oa]|beste|geachte|hej|hei|szanown[ya]|dzien dobry|witam|ahoj)/
/** A greeting by name: up to a comma or a line's end, else of one or two words. */
const NAMED = [/^[^/?]{1,40} \/ /, /^( \p{L}+){2} /u, /^ \p{L}+ /u]
/** Words of a sentence: a text with one of them is not a name. */
const SAYS =
  /(?<!\p{L})(stop|quit|cease|dont|do|not|never|no|please|pls|kindly|remove|delete|take|opt|unsubscribe|unsub|can|could|would|will|lets|let|i|we|you|this|that|yes|how|why|nicht|bitte|nie|keine|ne|pas|plus|merci|non|nunca|jamas|mai|niet|nooit|inte|ikke|aldrig|por|per|quiero|favor|graag|prosze|snalla|venligst|vennligst)(?!\p{L})/u

const withoutGreeting = (said: string): string => {
  const greeting = GREETING.exec(said)?.[0]
  if (greeting === undefined) return said
  const rest = said.slice(greeting.length)
  for (const named of NAMED) {
    const name = named.exec(rest)?.[0]
    if (name !== undefined && !SAYS.test(name)) return rest.slice(name.length)
  }
  return said
}

/**
 * Whether the text consists only of phrases that ask to stop (at least one), words around them in the same language,
 * and polite phrases in any language. For each position between two words it only notes whether phrases can lead there.
 * A single pattern for the whole text would try every way to cut it into phrases, and anybody could stop the service
 * with one mail.
 */
const saysStop = (text: string, { names, addresses }: Sender): boolean => {
  if (text.length > MAX_LENGTH) return false
  const said = withoutGreeting(`${wordsOf(text, addresses)} /`)
  // "Stop?" is a question, but "Can you remove me?" is a request.
  if (said.includes('?') && !ASKS_KINDLY.test(said)) return false
  if (APOLOGY.test(said)) return false
  const words = said.split(' ').filter((word) => word !== '?' && word !== '')
  if (words.length === 0 || words.length > MAX_WORDS) return false
  return SPOKEN.some((language) => isMadeOf(words, language, names))
}

const ASKS_KINDLY =
  /(?<!\p{L})(can|could|would|will|how|konnen|konnten|wurden|kannst|konntest|pouvez|pourriez|pueden?|podrian?|puedes|pode|poderiam?|podem|puo|puoi|potete|potreste|potrebbe|kunt|kun|wilt|wil|zou|kunnen|czy|kan|skulle|vil)(?!\p{L})/u

/** "Sorry for the unsubscribe" takes it back. */
const APOLOGY = /(?<!\p{L})(sorry|apologies|apologize|apologise) (for|about) (the|that|my|this) /u

const isMadeOf = (
  words: string[],
  { asks, fills }: (typeof SPOKEN)[number],
  names: ReadonlySet<string>,
): boolean => {
  // For each number of words from the start: whether phrases lead there, without and with a request among them.
  const politely = new Set([0])
  const asking = new Set<number>()
  for (let from = 0; from < words.length; from++) {
    if (!politely.has(from) && !asking.has(from)) continue
    for (let to = from + 1; to <= Math.min(words.length, from + MAX_PHRASE_WORDS); to++) {
      const phrase = words.slice(from, to).join(' ')
      const requests = asks.test(phrase)
      const isWord = phrase === '/' || (to === from + 1 && names.has(phrase))
      if (!requests && !isWord && !fills.has(phrase) && !POLITE_PHRASE.test(phrase)) continue
      if (requests || asking.has(from)) asking.add(to)
      else politely.add(to)
    }
  }
  return asking.has(words.length)
}

/** `ana@acme.example`, `<ana@acme.example>`, and how Outlook writes a link to it. */
const ADDRESS = /<?(?:mailto:)?([^\s<>()[\]|,;:"'@]{1,64}@[^\s<>()[\]|,;:"'@]{1,255})>?/gi

/**
 * Folded words with single spaces. The sender's address is `@`, any other `@@`, the end of a clause `/`, that of a question
 * `?`.
 */
const wordsOf = (text: string, own: ReadonlySet<string>): string =>
  fold(
    text
      .replace(/\n/g, ' / ')
      .replace(ADDRESS, (_, address: string) => (isAmong(own, address) ? ' @ ' : ' @@ '))
      .replace(/(?<!\p{L})(mr|mrs|ms|dr|prof|sr|sra|mme|hr|fr|sig)\. /giu, '$1 '),
  )
    .replace(/'/g, '')
    .replace(/[?？؟]/g, ' ? / ')
    .replace(/[.,;:!…。，、！；：()-]/g, ' / ')
    .replace(/[^\p{L}\p{N}/?@]+/gu, ' ')
    .replace(/ @(?: @)+ /g, ' @ ')
    .trim()

const isAmong = (addresses: ReadonlySet<string>, written: string): boolean => {
  const address = trimmed(written, '.!?').toLowerCase()
  return [address, withoutTag(address)].some((one) => addresses.has(one))
}
