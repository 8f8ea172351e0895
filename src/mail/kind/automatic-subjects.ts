import { ANY_PREFIX, FORWARD_PREFIX, REPLY_PREFIX } from '../reply-prefixes.ts'
import { fold } from '../text/fold.ts'
import { PHRASES } from './automatic-phrases.ts'

/** The most characters that are read of a subject. */
const MAX_SUBJECT = 1_000
/** The most prefixes and bracketed tags before the subject proper. */
const MAX_TAGS = 12

type Sort = 'automatic' | 'absence' | 'noun'

/** By its folded wording. */
const SORT_OF = new Map<string, Sort>(
  (['noun', 'absence', 'automatic'] as const).flatMap((sort) =>
    Object.values(PHRASES).flatMap((language) =>
      language[sort].map((phrase) => [fold(phrase), sort] as const),
    ),
  ),
)
/** The longest phrase first. It stops at a word end, in every script: `Abwesenheitsvertretung` is another word. */
const ANY_PHRASE = [...SORT_OF.keys()].sort((a, b) => b.length - a.length).join('|')
const PHRASE_HERE = new RegExp(`(?:${ANY_PHRASE})(?![\\p{L}\\p{N}])`, 'uy')
const PHRASE_ANYWHERE = new RegExp(`(?<![\\p{L}\\p{N}])(?:${ANY_PHRASE})(?![\\p{L}\\p{N}])`, 'gu')

const DECORATION = /^[^\p{L}\p{N}([{<【「『《〈]+/u
/** What a spam filter or a gateway puts before a subject: `***SPAM***`, `EXTERNAL:`. */
const FILTER_TAG = /^(?:\*{2,} ?(?:spam|junk)[^*]{0,20}\*{2,}|(?:external|extern|ext|spam) ?:) ?/u
const TAG = /^[([{<【「『《〈]([^)\]}>】」』》〉]{0,100})[)\]}>】」』》〉] ?/u
const LAST_BRACKET = /[([{<【「『《〈]([^()[\]{}<>【】「」『』《》〈〉]{1,100})[)\]}>】」』》〉][\s.!]*$/u

/** An automatic phrase behind a dash, at the end: `Hello - Automatic reply`. */
const AFTER_DASH = / [-|]+ ?([\p{L}\p{N} ]{1,80})[\s.!]*$/u

/** What is known of a mail beside its subject. */
interface Beside {
  /** It has a bulk sign or comes from a mailbox rule: then the phrase may stand anywhere. */
  weakSign: boolean
  /** The words of the sender's name, folded. */
  names: ReadonlySet<string>
}
interface Reading extends Beside {
  /** The text after the last colon begins in lower case: a person's sentence does, a repeated subject does not. */
  isSentence: boolean
}

/**
 * Whether the subject is one that machines write: it begins with a phrase, or has one in brackets before or after it, or
 * behind a dash at its end. Reply prefixes, tags, decoration and the sender's own name do not count, but a forward is a
 * person's. A phrase that opens a sentence about it is a person's, too: `Vacation next week - can we talk on Friday?`
 */
export const isAutomaticSubject = (subject: string, beside: Beside): boolean => {
  const read = subject.slice(0, MAX_SUBJECT)
  let text = fold(read)
  if (FORWARD_PREFIX.test(text)) return false
  if (isNotesAbsence(text)) return true
  const reading = { ...beside, isSentence: /[:：]\s*\p{Ll}[^:：]*$/u.test(read) }
  const trailing = LAST_BRACKET.exec(text)?.[1]
  if (trailing !== undefined && beginsAutomatic(trailing.trim(), false, reading)) return true
  const last = AFTER_DASH.exec(text)?.[1]
  if (last !== undefined && SORT_OF.get(last.trim()) === 'automatic') return true
  for (let n = 0; n < MAX_TAGS; n++) {
    const before = text
    text = text.replace(FILTER_TAG, '').replace(DECORATION, '').replace(REPLY_PREFIX, '')
    const tag = TAG.exec(text)
    if (tag !== null) {
      const tagged = (tag[1] ?? '').trim()
      if (beginsAutomatic(tagged, false, reading) || (beside.weakSign && tagged === 'auto')) return true
      text = text.slice(tag[0].length)
    }
    if (text === before) break
  }
  // Notes puts it before its own wordings, in every language.
  if (/^auto ?:/.test(text)) return true
  return (
    beginsAutomatic(text, true, reading) ||
    // `Ana Lopez: out of office`
    pastName(text, beside.names).some(
      (rest) =>
        /^(?:[-:|,]|(?:is|ist|est|is currently) )/.test(rest) &&
        beginsAutomatic(rest.replace(/^(?:[-:|,]+|is currently|is|ist|est) ?/, ''), false, reading),
    ) ||
    isChallenge(text) ||
    (beside.weakSign && holdsPhrase(text, reading))
  )
}

/** @param nouns whether a mere noun counts, as it does at the start of a subject. */
const beginsAutomatic = (text: string, nouns: boolean, reading: Reading): boolean => {
  PHRASE_HERE.lastIndex = 0
  const phrase = PHRASE_HERE.exec(text)?.[0]
  if (phrase === undefined) return false
  const sort = SORT_OF.get(phrase) ?? 'noun'
  return (nouns || sort !== 'noun') && endsPhrase(sort, text.slice(phrase.length).trimStart(), reading)
}

const holdsPhrase = (text: string, reading: Reading): boolean =>
  [...text.matchAll(PHRASE_ANYWHERE)].some(({ 0: phrase, index }) => {
    const sort = SORT_OF.get(phrase) ?? 'noun'
    const before = text.slice(0, index).trimEnd().at(-1)
    if (sort === 'noun' && before !== undefined && /[\p{L}\p{N}]/u.test(before)) return false
    return endsPhrase(sort, text.slice(index + phrase.length).trimStart(), reading)
  })

const MAX_NAME_WORDS = 4

/** What follows the sender's name, in each way to end it: not all of its words need to be known. */
const pastName = (text: string, names: ReadonlySet<string>): string[] => {
  const words = /^[\p{L}.']+(?: [\p{L}.']+){0,3}/u.exec(text)?.[0].split(' ') ?? []
  return words.slice(0, MAX_NAME_WORDS).flatMap((_, n) => {
    const name = words.slice(0, n + 1)
    return name.some((word) => names.has(word)) ? [text.slice(name.join(' ').length).trimStart()] : []
  })
}

/** What the noun `reply` and the like add to an absence: `Out of office reply`. */
const NOTICE =
  /^(?:(auto ?reply|auto ?response|auto ?responder|automatic (?:reply|response)|reply|response|message|notice|notification)|alert|assistant|e ?mail|status)(?![\p{L}\p{N}])/u
/** Until when: the words that lead to a date, in the languages of the phrases. */
const UNTIL =
  /^(for now|for the foreseeable future|until|till?|through|thru|back|returning|return|bis|wieder|zuruck|jusqu'?(a|au)?|de retour|retour|hasta|de regreso|vuelvo|fino|sino|rientro|ate|volto|tot|terug|do|wracam|ater|tillbaka|indtil|tilbage|tilbake|pana|до|εωσ|μεχρι|zpet|spat)(?![\p{L}\p{N}])/u
/** From when: these words begin many other sentences, and count only before a number. */
const FROM =
  /^(from|starting|since|on|as of|vom|von|ab|am|seit|du|le|des|depuis|del|desde|desde el|de|dal|dall'|van|vanaf|od|fra|fran|pa|с|з|w dniach|entre|between|zwischen)(?![\p{L}\p{N}]) ?(the |le |el |il |den )?\d/u
/** A day or a week, alone: `Out of office today`. */
const DAY =
  /^(today|tomorrow|tonight|all (day|week)|this (week|month|morning|afternoon)|next (week|month)|(on )?(mon|tues|wednes|thurs|fri)day( (morning|afternoon))?|for (the )?(day|week|holidays|rest of the (day|week)))(?! ?[\p{L}\p{N}])/u
const TO =
  /^(from|to|for|by|re|regarding|on behalf of|von|an|fur|auf|de|du|a|para|da|di|van|od|fra|fran|от|на)(?![\p{L}\p{N}])/u

/** `Vacation: 30 days` is what a job offers. */
const COUNTED =
  /^: ?\d{1,3} ?(work(ing)? ?days|days|weeks?|months?|tage|wochen|monate|jours|semaines|mois|dias|semanas|meses|giorni|settimane|mesi|dagen|weken|maanden|dni|dagar|dage|dager)(?![\p{L}\p{N}])/u

/** Whether what follows a phrase leaves it a machine's. @param rest folded, without space before it */
const endsPhrase = (sort: Sort, rest: string, reading: Reading): boolean => {
  if (sort === 'noun' && COUNTED.test(rest)) return false
  if (rest === '' || ANY_PREFIX.test(rest)) return true
  if (rest.startsWith(':')) return endsAtColon(sort, rest.slice(1).trimStart(), reading)
  if (/^[\p{L}\p{N}]/u.test(rest)) return goesOn(sort, rest, reading)
  if (sort === 'noun') return endsNoun(rest)
  if (ANY_PREFIX.test(rest.replace(/^[^\p{L}\p{N}?]+/u, ''))) return true
  return !rest.startsWith('?') && (sort === 'automatic' || !talks(rest))
}

/**
 * Behind the colon a machine repeats the subject that it answers. A person begins a sentence there: a noun counts as a
 * person's unless what follows can only be a machine's, since missing a person's reply is worse.
 */
const endsAtColon = (sort: Sort, rest: string, { weakSign, isSentence }: Reading): boolean => {
  if (sort === 'automatic' || rest === '' || ANY_PREFIX.test(rest)) return true
  const says = talks(rest) || SPEAKS.test(rest)
  if (sort === 'noun') return weakSign ? !talks(rest) && !(isSentence && says) : isDate(rest) && !talks(rest)
  return weakSign || !(isSentence && says)
}

const isDate = (rest: string): boolean => UNTIL.test(rest) || FROM.test(rest) || /^\d/.test(rest)

/** The phrase is followed by a word. */
const goesOn = (sort: Sort, rest: string, reading: Reading): boolean => {
  // `Abwesenheit Ana Lopez vom 5.10. bis 9.10.`
  const isNamed = pastName(rest, reading.names).some((tail) => tail === '' || isDate(tail))
  if (isNamed && sort !== 'noun' && !talks(rest)) return true
  if (sort === 'automatic') {
    const notice = NOTICE.exec(rest)
    if (notice !== null) return endsPhrase(sort, rest.slice(notice[0].length).trimStart(), reading)
    // `Automatic response to: Can we talk?`
    if (TO.test(rest) && /^[^?]{0,60}:/.test(rest)) return true
    return (TO.test(rest) || isDate(rest)) && !talks(rest)
  }
  const notice = NOTICE.exec(rest)
  if (notice !== null && (sort === 'absence' || notice[1] !== undefined)) {
    return endsPhrase('automatic', rest.slice(notice[0].length).trimStart(), reading)
  }
  const isDated =
    UNTIL.test(rest) || FROM.test(rest) || (sort === 'absence' && (/^\d/.test(rest) || DAY.test(rest)))
  return isDated && !talks(rest)
}

/** `Vacation - back on Monday` and `Vacation!`, but not `Vacation - a rental platform`. */
const endsNoun = (rest: string): boolean => {
  if (/^[^\p{L}\p{N}?]*$/u.test(rest)) return true
  const said = rest.replace(/^[-,.;([|!\s]+/u, '')
  return (
    said !== rest &&
    (UNTIL.test(said) || FROM.test(said) || /^\d/.test(said) || ANY_PREFIX.test(said)) &&
    !talks(said)
  )
}

/** Signs that a person wrote it: a question, a proposal. */
const TALK =
  /[?؟]|\b(can|could|shall|should|would|may|will) (you|we|i|us)\b|\bdo(es)? (you|that|this|it|\w+day)\b|\blet'?s\b|\blet (us|me)\b|\b(call|ring|text) me\b|\bworks? (for|better)\b|\bsuits?\b|\bfree (for|on|at)\b|\bsend me\b|\bgerne?\b|\bhappy to\b|\blooking forward\b|\bhow about\b|\bwhat about\b|\b(talk|speak|chat|meet|catch up)\b|\b(konnen|sollen|wollen|passt|lass uns|sprechen|telefonieren)\b|\b(peut on|pouvons|parlons|on peut|on s'appelle)\b|\b(podemos|hablamos|hablemos)\b|\b(possiamo|parliamo|sentiamoci)\b|\b(vamos|falamos|falar)\b|\b(but|aber|mais|pero|maar|mutta)\b|\b(rufen sie|ruf mich|rufe mich|rufen sie mich|melden sie sich|appelez|rappelez|llamame|llameme|llamenos|escribeme|escribame|mi chiami|chiamami|me ligue|bel mij|bel me|ring mig|ring meg)\b|\b(kunnen we|zullen we|spreken)\b/u
const talks = (rest: string): boolean => TALK.test(rest)
/** Words of a sentence in the first or the second person, or of a search. */
const SPEAKS =
  /(?<!\p{L})(i|i'm|we|you|your|my|our|wir|ich|sie|ihre?n?|unsere?n?|suchen|gesucht|je|j'ai|nous|vous|yo|nosotros|ustedes|buscamos|io|noi|voi|cerchiamo|eu|nos|voce|procuramos|ik|wij|jij|zoeken|jag|vi|jeg|szukamy|ищем|мы|я)(?!\p{L})/u

/** Notes, without its `AUTO:`. A person who writes the same words leaves out the full stop and the bracket. */
const isNotesAbsence = (text: string): boolean =>
  /^[^?,;:]{1,80} (is|am) (currently )?out of (the )?office ?(\(returning [^)]{0,60}\)$|until [^?,;]{1,40}\.$|\.$)/u.test(
    text,
  )

const MAIL = '(?:message|e ?mail|mail)'
/** A service asks the sender to prove to be a person. */
const CHALLENGES = [
  `^(please )?(confirm|verify|authenticate) (your|this|the) message( (to|for|delivery)(?![\\p{L}\\p{N}])| ?[^\\p{L}\\p{N} ]|$)`,
  `^(please )?(confirm|verify|authenticate) (your|this|the) ${MAIL} (to|sent to|for delivery|delivery)\\b`,
  `^(your )?${MAIL} (to .{1,80} )?(requires|needs|awaits|is awaiting|is waiting for|is pending) (your |sender |address )?(verification|confirmation|authentication|approval|moderator approval)\\b`,
  `^your ${MAIL} (to .{1,80} )?(is|was|has been) (held|on hold|quarantined)( ?[^\\p{L}\\p{N} ]|$| (for|pending|until|awaiting|because|due)(?!\\p{L}))`,
  `^(sender|sender address|human|email sender) (verification|confirmation|authentication)( (is )?(required|needed|requested|request)(?![\\p{L}\\p{N}])|$)`,
  `^(verification|confirmation|authentication) (required|needed|request) (for|of) your ${MAIL}\\b`,
  `^(please )?(confirm|verify|prove) (that )?you (sent|wrote) (this|the|your|a) ${MAIL}(?! \\p{L})|^(please )?(confirm|verify|prove) (that )?you (are (a )?human|are (a )?(real )?person|are not a (robot|spammer))\\b`,
  `^bitte bestatigen sie (ihre nachricht|den versand (ihrer|der) (nachricht|e ?mail)|ihre e ?mail an)`,
  `^(merci de |veuillez )?confirme[rz] (votre message(?! (de|du|d'))|l'envoi (de votre|du) (message|mail|e ?mail|courriel))`,
  `^(demande d')?authentification (requise|de votre (message|mail|e ?mail))`,
  `^(por favor )?(confirme|verifique) (su|tu|el envio de su) (mensaje|correo)`,
  `^(por favor )?confirme (sua mensagem|o envio (da sua|da|de sua) mensagem|o envio do (seu )?e ?mail)`,
  `^(si prega di )?conferma(re)? (il tuo|il suo|l'invio del) messaggio`,
  `^bevestig (uw|je) (bericht|e ?mail aan)`,
].map((pattern) => new RegExp(pattern, 'u'))
const isChallenge = (text: string): boolean => CHALLENGES.some((pattern) => pattern.test(text))
