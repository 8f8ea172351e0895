import EmailReplyParser from 'email-reply-parser'
import type { Mail } from '../mail.ts'
import { fold } from './fold.ts'
import { aboveMark } from './signatures.ts'

/** Lines and characters that are read of a text, and of a line. */
const MAX_TEXT = 100_000
const MAX_LINES = 3_000
const MAX_LINE = 1_000
/**
 * The longest text without quotes that is given to the parser, in characters. Some of its patterns take time that grows
 * with the cube of the length, and a longer text says more than a request to stop.
 */
const MAX_OWN = 1_000

/**
 * What the sender wrote, without quotes: `stripped-text` where Mailgun gives it, else the whole text. Line breaks are
 * kept. A signature is removed when it is marked, or when Mailgun names it.
 *
 * `email-reply-parser` removes the quotes. It knows fewer than half of the ways in which mail programs introduce a
 * quote, so quotes are first found by what these ways have in common and marked with `>`.
 */
export const ownText = (mail: Mail): string => {
  const signature = mail.strippedSignature?.trim() ?? ''
  let text = mail.strippedText?.trim() || mail.text?.trim() || ''
  if (signature !== '' && text.endsWith(signature)) text = text.slice(0, -signature.length)
  const marked = markQuotes(readLines(text))
  if (marked.length > MAX_OWN) return marked
  const own = new EmailReplyParser()
    .read(marked)
    .getFragments()
    .filter((fragment) => !fragment.isQuoted())
    .map((fragment) => fragment.getContent())
    .join('\n')
  return aboveMark(own.split('\n')).join('\n').trim()
}

/** With single spaces, and without the characters that only set the direction of writing. */
const readLines = (text: string): string[] =>
  text
    .slice(0, MAX_TEXT)
    .split(/\r\n|\r|\n/, MAX_LINES)
    .map((line) =>
      line
        .slice(0, MAX_LINE)
        .replace(/\p{Cf}/gu, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )

/** Each quote as one line `>`. Text between and after quotes that are marked in the mail stays. */
const markQuotes = (lines: string[]): string => {
  const own: string[] = []
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n] ?? ''
    const introduction = beginsQuote(lines, n)
    if (introduction === 0 && !isMarked(line)) {
      own.push(line)
      continue
    }
    if (own.at(-1) !== '>') own.push('', '>')
    // Below an introduction all is quoted, unless the program marks what it quotes.
    const next = lines.slice(n + introduction, n + introduction + 3).find((one) => one !== '') ?? ''
    if (introduction > 0 && !isMarked(next)) break
    n += Math.max(introduction - 1, 0)
  }
  return own.join('\n').trim()
}

const isMarked = (line: string): boolean => /^[>＞]/.test(line)

/** How many lines introduce a quote here; 0 when it is something else. */
const beginsQuote = (lines: string[], n: number): number => {
  const line = lines[n] ?? ''
  if (line === '') return 0
  if (isSeparator(line) || isHeaderBlock(line, lines[n + 1] ?? '')) return 1
  return attribution(lines, n)
}

/**
 * Outlook's rule, `-----Original Message-----` in any language, Zoho's `---- On … wrote ----`, Notes' `Sam
 * ---10/05/2026---Hi`.
 */
const isSeparator = (line: string): boolean =>
  /^_{20,}$/.test(line) ||
  /^-{2,} ?[^-].{0,200}[^-] ?-{2,}$/.test(line) ||
  /^.{0,80}---\d[\d/.: ]{5,30}( [AP]M)?---/.test(line) ||
  /^(begin forwarded message|original message|forwarded message) ?:?$/i.test(line)

const LABEL = /^\*{0,2}(\p{L}[\p{L}\p{M} .'-]{0,24}?) ?[:：]\*{0,2}(?: |$|(?=\S))/u
/** The labels of a quoted mail's first header. */
const FIRST_LABELS = new Set(
  [
    'from',
    'subject',
    'sent',
    'date',
    'von',
    'gesendet',
    'datum',
    'de',
    'envoyé',
    'enviado',
    'enviado el',
    'enviada em',
    'data',
    'fecha',
    'da',
    'inviato',
    'van',
    'verzonden',
    'från',
    'skickat',
    'fra',
    'sendt',
    'lähettäjä',
    'lähetetty',
    'od',
    'nadawca',
    'wysłano',
    'odesílatel',
    'odesláno',
    'odosielateľ',
    'feladó',
    'de la',
    'expediteur',
    'remitente',
    'mittente',
    'afzender',
    'absender',
    'kimden',
    'gönderen',
    'от',
    'від',
    'отправитель',
    'από',
    'από τον',
    'מאת',
    'من',
    'จาก',
    'từ',
    'dari',
    '发件人',
    '寄件者',
    '寄件人',
    '發件人',
    '差出人',
    '送信者',
    '보낸 사람',
    '보낸사람',
  ].map(fold),
)

/** Outlook's headers of the quoted mail: `From: …` and another label below it. */
const isHeaderBlock = (line: string, next: string): boolean => {
  const label = LABEL.exec(line)?.[1]
  return label !== undefined && FIRST_LABELS.has(fold(label)) && LABEL.test(next)
}

const OPENS = /^(on|at|am|le|el|em|il|op|den|dne|pe|w dniu|dnia|in data|вт|ср|чт|пт|сб|вс|пн|在|於) /i
const WROTE =
  /(?<!\p{L})(wrote|writes|schrieb|schreef|écrit|escribió|escreveu|scritto|skrev|pisze|napisał|napisała|napsal|napsala|napísal|kirjoitti|написал|написала|пишет|пише|yazdı|írta|a scris|έγραψε|כתב|כתבה|كتب)(?!\p{L})|写道|寫道|のメール|のメッセージ|작성|viết/iu
const ADDRESS = /[^\s<>()]@[^\s<>()]/
const DATE = /\d{1,2}[:.h]\d{2}|(?<!\d)(19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?!\d)/
const MAX_ATTRIBUTION = 3

/**
 * `On …, Sam <sam@…> wrote:` in any language: it ends with a colon, has an address or a date, and may be broken over
 * three lines. The first of them has one of these signs, too: what the sender wrote just above has not.
 */
const attribution = (lines: string[], n: number): number => {
  const first = lines[n] ?? ''
  if (!OPENS.test(first) && !ADDRESS.test(first) && !DATE.test(first) && !WROTE.test(first)) return 0
  for (let count = 1; count <= MAX_ATTRIBUTION; count++) {
    const last = lines[n + count - 1] ?? ''
    if (last === '' || isMarked(last) || (count > 1 && OPENS.test(last))) return 0
    if (!/[:：]$/.test(last)) continue
    const all = lines.slice(n, n + count).join(' ')
    const next = lines.slice(n + count, n + count + 3).find((line) => line !== '') ?? ''
    const signs = [ADDRESS, DATE, WROTE].filter((sign) => sign.test(all)).length
    return signs >= 2 || (signs === 1 && isMarked(next)) ? count : 0
  }
  return 0
}
