import { readAddresses } from './addresses.ts'
import type { Mail } from './mail.ts'

/** A request to stop is short. Longer text is not looked at, which also bounds the work. */
const MAX_LENGTH = 300
/** Of a line no more is looked at, to see whether it begins a quote or a signature. */
const MAX_LINE = 500
/** Of one phrase, and of all of them. */
const MAX_PHRASE_WORDS = 25
const MAX_WORDS = 150

/**
 * Whether a reply says nothing but that its sender wants no more mail. Quotes, the signature, greetings and thanks
 * do not count; any other word makes it a person's answer ("Stop by my office").
 */
export const isStopRequest = (mail: Mail): boolean => {
  const text = ownWords(mail)
  // A `mailto:` unsubscribe link says it in the subject alone.
  return saysStop(text === '' ? (mail.subject ?? '') : text)
}

/** Where a mail program begins to quote, in the languages and forms that are common. */
const QUOTE_BEGINS =
  /^\s*(>|-{2,}\s*(original message|forwarded message|ursprüngliche nachricht|message d'origine|mensaje original)|_{5,}\s*$|(from|von|de|da|van|från|fra)\s*:.*@|(on|am|le|el|em|il|op|den)\s.{4,200}(wrote|schrieb.*|a écrit|escribió|escreveu|ha scritto|schreef.*|skrev.*)\s*:\s*$)/i
/** The attribution line of a quote, broken before its end. */
const ATTRIBUTION_BEGINS = /^\s*(on|am|le|el|em|il|op|den)\s.{4,200}$/i
const ATTRIBUTION_ENDS = /(wrote|schrieb.*|a écrit|escribió|escreveu|ha scritto|schreef.*|skrev.*)\s*:\s*$/i
const SIGNATURE_BEGINS =
  /^\s*(--\s*$|sent (from|with|via) |get outlook for |gesendet von |von meinem |envoyé (de|depuis) |enviado (desde|do) )/i
const SIGN_OFF =
  /^\s*(thanks|thank you|thx|many thanks|cheers|regards|(best|kind|warm) regards|best|sincerely|yours|br|(mit freundlichen|viele|beste) grüßen?|mfg|danke|merci|cordialement|gracias|saludos|obrigad[oa]|grazie)\b[\s\S]{0,40}$/i

/** Single spaces and a bounded length: the patterns above take a time that grows with the square of both. */
const plainLine = (line: string): string => line.replace(/\s+/g, ' ').slice(0, MAX_LINE)

/** What the sender wrote, in one line, without quotes and signature. */
const ownWords = (mail: Mail): string => {
  const signature = mail.strippedSignature?.trim() ?? ''
  let text = mail.strippedText?.trim() || mail.text?.trim() || ''
  if (signature !== '' && text.endsWith(signature)) text = text.slice(0, -signature.length)
  const lines = text
    .slice(0, 10_000)
    .split(/\r\n|\r|\n/)
    .map(plainLine)
  const own: string[] = []
  for (const [n, line] of lines.entries()) {
    const broken = ATTRIBUTION_BEGINS.test(line) && ATTRIBUTION_ENDS.test(lines[n + 1] ?? '')
    if (QUOTE_BEGINS.test(line) || broken || SIGNATURE_BEGINS.test(line)) break
    if (own.length > 0 && SIGN_OFF.test(line)) break
    if (line.trim() !== '') own.push(line.trim())
  }
  const name = words(readAddresses(mail.from ?? '')[0]?.name ?? '')
  const last = words(own.at(-1) ?? '')
  // "Unsubscribe", and below it only the sender's name.
  if (own.length > 1 && last !== '' && ` ${name} `.includes(` ${last} `)) own.pop()
  return own.join('\n')
}

/** Lower case words with single spaces, without punctuation. */
const words = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/['’`]/g, '')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()

const POLITE = `(please|pls|plz|kindly|now|immediately|at once|asap|again|thanks?( you)?( so much| very much)?|thx|(hi|hello|hey|dear|hallo|bonjour|hola)( \\p{L}+){0,3}|bitte|danke|merci|por favor|gracias|obrigado|obrigada|grazie|sil vous plait|s il vous plait|svp)`
const MAIL = `(this|these|the|your|any|all|further|more|future|such|me|of|sending|e ?mail(s|ing|ings)?|mail(s|ing|ings)?|messages?|newsletters?|spam|communications?|contact|distribution|list|lists|listing|database|db|records?|everything)`
const STOP = [
  `(i (want|wish|would like|d like|id like|need) to )?(be )?unsubscribed?( me)?( (from|of|to|off)( ${MAIL})+)?`,
  `stop( it| this| that)?( (e ?mailing|mailing|contacting|messaging|spamming|writing|sending)( to)?( me)?)?( ${MAIL})*`,
  `(i (want|wish|would like|d like|id like) to be )?(remove|removed|take|taken|delete|deleted|drop)( me| my (name|e ?mail|e mail|address|e ?mail address|e mail address|data|details|contact details|information|contact information))?(( (from|off|out of|of))+( ${MAIL})+)?`,
  `(i (want|wish|would like|d like|id like) to )?opt( me)? ?out( (from|of)( ${MAIL})+)?`,
  `(do not|dont|never)( ever)? (contact|e ?mail|e mail|mail|write|message|send)( to)?( me)?( ${MAIL})*( (any ?more|any longer|ever))*`,
  `no (more|further) (e ?mails?|e mails?|mails?|messages?|contact)`,
  `(leave me alone|take me off( ${MAIL})*)`,
  // The same word elsewhere.
  `abmelden|abbestellen|austragen|(ich möchte )?keine (weiteren )?(e mails?|mails?|nachrichten)( mehr)?`,
  `désabonner|désabonnement|désinscrire|désinscription|désabonnez moi|désinscrivez moi|retirez moi( de votre liste)?`,
  `(dar(me)? de )?baja|desuscribir(me)?|cancelar suscripción|descadastrar|descadastre me|remover|cancelar inscrição`,
  `disiscrivimi|disiscrizione|cancellami|uitschrijven|afmelden|avregistrera|avmeld|отписаться|отпишите меня`,
]
  .map((pattern) => `(${pattern})`)
  .join('|')
const POLITE_PHRASE = new RegExp(`^${POLITE}$`, 'u')
const STOP_PHRASE = new RegExp(`^(${STOP})$`, 'u')

/**
 * Whether the text is nothing but polite phrases and requests to stop, one at least. Each place between two words is
 * reached or not, whichever way leads there. One pattern for the whole would try every way to cut the text into
 * phrases, and `stop hi hi hi … 1` has billions: any outsider could stop the service with one mail.
 */
const saysStop = (text: string): boolean => {
  if (text.length > MAX_LENGTH) return false
  const all = words(text).split(' ')
  if (all.length > MAX_WORDS) return false
  // By the number of words from the start: whether phrases lead there, without and with a request among them.
  const politely = new Set([0])
  const asking = new Set<number>()
  for (let from = 0; from < all.length; from++) {
    if (!politely.has(from) && !asking.has(from)) continue
    for (let to = from + 1; to <= Math.min(all.length, from + MAX_PHRASE_WORDS); to++) {
      const phrase = all.slice(from, to).join(' ')
      const asks = STOP_PHRASE.test(phrase)
      if (!asks && !POLITE_PHRASE.test(phrase)) continue
      if (asks || asking.has(from)) asking.add(to)
      else politely.add(to)
    }
  }
  return asking.has(all.length)
}
