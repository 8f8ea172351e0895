import { fold } from './fold.ts'

/** Lines of a signature, and characters of one. */
const MAX_LINES = 10
const MAX_LINE = 120
const MAX_NAME_WORDS = 5

const MARK = /^(-{2,4}|_{2,}|\*{3,}|={3,}|~{2,}|—+|–{2,})$/
/** What phones and programs put below a mail. */
const SENT_FROM =
  /^(sent (from|with|via) |get outlook for |gesendet (von|mit|über|aus) |diese nachricht wurde von |von meinem |envoyé (de|depuis|à partir|avec) |télécharger outlook|obtenez outlook|enviado (desde|do|de|a partir|con|pelo) |obtener outlook|inviato (da|dal|con) |scarica outlook|ottieni outlook|verzonden (vanaf|met|via) |verstuurd (vanaf|met|via) |outlook voor |wysłan[eoy] z |skickat från |sendt fra |lähetetty |odesláno z |iphone'dan|от(правлено)? (с|из) |発信元|iphoneから送信|发自我的|從我的|发送自|나의 iphone에서 보냄)/iu
const SIGN_OFF =
  /^(thanks( so much| a lot| again)?|thank you( so much| very much)?|thx|many thanks|cheers|regards|(best|kind|warm|with kind) (regards|wishes)|best|sincerely|yours( truly| sincerely| faithfully)?|br|rgds|mit (freundlichen|besten|vielen|herzlichen) gr(u|ü)(ss|ß)en?|(viele|beste|liebe|freundliche|herzliche|schöne) grüße|gru(ß|ss)|grüße|mfg|lg|vg|danke( schön| sehr)?|vielen dank|merci( beaucoup| d'avance)?|(bien )?cordialement|salutations|bien à vous|gracias|saludos( cordiales)?|un saludo|atentamente|obrigad[oa]|atenciosamente|cumprimentos|grazie|(cordiali|distinti) saluti|saluti|(met )?vriendelijke groet(en)?|groet(en|jes)?|mvg|bedankt|dank u|pozdrawiam|z poważaniem|dziękuję|tack|(med )?vänlig(a)? hälsning(ar)?|mvh|hälsningar|tak|(med )?venlig(e)? hilsen(er)?|hilsen|takk|(med )?vennlig hilsen|terveisin|s pozdravem|üdvözlettel|с уважением|спасибо|谢谢|此致|よろしくお願いします|以上)[\s,.!]*$/iu
/** Words that say: this is a profession, or a company. */
const TITLE =
  /(?<!\p{L})(ceo|cto|cfo|coo|cpo|chro|vp|svp|evp|president|director|manager|head|lead|leader|chief|officer|founder|co ?founder|owner|partner|principal|engineer|developer|architect|designer|analyst|scientist|consultant|recruiter|recruiting|recruitment|talent|sourcer|hr|human resources|people|sales|marketing|product|operations|finance|accountant|attorney|lawyer|professor|dr|phd|teacher|assistant|secretary|coordinator|specialist|associate|executive|administrator|editor|journalist|freelancer|inc|llc|ltd|gmbh|ag|kg|ug|corp|corporation|company|co|plc|bv|nv|sarl|sas|sa|srl|spa|ab|as|oy|aps|group|leiter|leiterin|leitung|geschäftsführer|geschäftsführerin|inhaber|inhaberin|personal|personalabteilung|entwickler|entwicklerin|berater|beraterin|responsable|directeur|directrice|gérant|gérante|chargée?|ingénieure?|développeur|directora?|gerente|responsabile|direttore|direttrice|amministratore|titolare|directeur|eigenaar|kierownik|dyrektor|prezes|chef|vd|direktør|direktör|sjef|менеджер|директор|руководитель)(?!\p{L})/iu
/**
 * It mentions a mail or its recipients, as a disclaimer does: `Let us keep this confidential` is a person's sentence.
 */
const DISCLAIMER =
  /^(?=.{0,160}(e-?mail|message|notice|communication|transmission|recipient|nachricht|courriel|mensaje|correo|mensagem|messaggio|bericht|disclaimer))(?!.*(let'?s|let us|call me)(?!\p{L})).{0,60}(confidential(?!ly)|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|disclaimer|privileged|intended (only|solely))/iu
/** Whole lines below the signatures of many companies. */
const PRINT_NOTE =
  /^.{0,20}(consider|think (of|about)) the environment\b.{0,60}\bprint|^think before you print\W*$/iu
/** What remains of a picture in plain text. */
const PICTURE = /^[[<](cid:|image\d*[.:]|.{0,40}\b(logo|icon|image)\b)[^\]>]{0,80}[\]>]$/iu
const PRONOUNS = /^[([]?(she|he|they)( ?\/ ?\p{L}{2,6}){1,2}[)\]]?$/iu
const CONTACT =
  /https?:\/\/|www\.|[^\s@]@[^\s@]|(\+|\()?\d[\d\s()./-]{5,20}\d|^(t|m|p|f|tel|mob|mobile|phone|fax|cell|office|direct|e|email|e-mail|web|linkedin|skype)\s?[:.]|linkedin|\|/iu

/** The lines above a signature that is marked as one (`-- `), or that the sender's phone has put there. */
export const aboveMark = (lines: string[]): string[] => {
  // At the top of a text only the standard mark counts: people begin with a line of dashes, too.
  const isMark = (line: string, n: number) => (n > 0 ? MARK.test(line) : line === '--')
  const mark = lines.findIndex((line, n) => SENT_FROM.test(line) || isMark(line, n))
  return mark === -1 ? lines : lines.slice(0, mark)
}

/**
 * The text above the signature, in each way it may be read: the whole, then without its last lines. These may be a
 * signature when they begin with the sender's name, or with a sign-off, and all of them look like lines of a signature:
 * a name, a title, a company, contact details. So other text below, like a postscript, counts as part of the reply.
 *
 * @param senderNames the words of the sender's name and of the local part of the address, folded
 */
export const aboveSignature = (lines: string[], senderNames: ReadonlySet<string>): string[][] => {
  const text = lines.filter((line) => line !== '' && !PICTURE.test(line)).map(withoutEmphasis)
  const readings = [text]
  for (let start = Math.max(0, text.length - MAX_LINES); start < text.length; start++) {
    if (isSignature(text.slice(start), senderNames)) readings.push(text.slice(0, start))
  }
  return readings
}

/** `*Ana Lopez*`: how bold letters are written in plain text. */
const withoutEmphasis = (line: string): string => /^([*_]{1,2})(\p{L}[^*_]*)\1$/u.exec(line)?.[2] ?? line

const isSignature = ([first = '', ...rest]: string[], senderNames: ReadonlySet<string>): boolean => {
  if (SIGN_OFF.test(first)) return rest.every((line) => isSignatureLine(line, senderNames))
  if (DISCLAIMER.test(first)) return true
  if (PRINT_NOTE.test(first)) return rest.every((line) => isSignatureLine(line, senderNames))
  // `Ana Lopez | Head of Data | Acme`; `i. A. Ana Lopez` signs on behalf of another person.
  const [name = '', ...beside] = first.replace(/^(i\. ?[av]\.|ppa\.?) /i, '').split(/ ?[|·•] ?/)
  if (!isName(name) || !beside.every(isTitleOrContact)) return false
  const isSender = wordsOf(name).some((word) => senderNames.has(word))
  const isTitled = [...beside, ...rest].some((line) => TITLE.test(line) || CONTACT.test(line))
  return (isSender || isTitled) && rest.every((line) => isSignatureLine(line, senderNames))
}

const isSignatureLine = (line: string, senderNames: ReadonlySet<string>): boolean =>
  SIGN_OFF.test(line) ||
  MARK.test(line) ||
  DISCLAIMER.test(line) ||
  PRINT_NOTE.test(line) ||
  PRONOUNS.test(line) ||
  (line.length <= MAX_LINE &&
    !/[?!]/.test(line) &&
    !/^p\.? ?s\b/i.test(line) &&
    (CONTACT.test(line) ||
      isName(line) ||
      isTitle(line) ||
      wordsOf(line).every((word) => senderNames.has(word))))

const isTitleOrContact = (part: string): boolean =>
  part.length <= MAX_LINE && !/[?!]/.test(part) && (CONTACT.test(part) || isTitle(part))

/** Words that make capitals a sentence: `Call Monday` is not a name. */
const NOT_A_NAME =
  /(?<!\p{L})(call|yes|no|not|ok|okay|sure|great|please|monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|let|lets|talk|see|just|but|i|we|you|do|don't|can|will|would|it|kidding|montag|dienstag|mittwoch|donnerstag|freitag|aber|ja|nein|mais|oui|pero|sí|ma|però)(?!\p{L})/iu

/** `Ana Lopez`, `Dr. Ana de la Cruz, PhD`, `A. Lopez`; in scripts without capitals a short line. */
const isName = (line: string): boolean => {
  const words = line
    .replace(/[,.()"']/g, ' ')
    .trim()
    .split(/\s+/)
  return (
    words.length <= MAX_NAME_WORDS &&
    line.length <= 60 &&
    !/[?!:;…]/.test(line) &&
    !NOT_A_NAME.test(line) &&
    words.every((word) => /^[\p{Lu}\p{Lt}\p{Lo}]/u.test(word) || PARTICLES.has(word))
  )
}
const PARTICLES = new Set([
  'de',
  'la',
  'del',
  'da',
  'dos',
  'van',
  'von',
  'der',
  'den',
  'di',
  'el',
  'al',
  'bin',
  'y',
  'e',
  'zu',
  'te',
  'ten',
  'af',
  'av',
])

/** `Head of Data at Acme`: capitals, or a profession, and no verb that is known. */
const isTitle = (line: string): boolean =>
  !NOT_A_NAME.test(line) && line.split(' ').length <= 12 && (TITLE.test(line) || capitals(line))
const capitals = (line: string): boolean =>
  line
    .split(/[\s,/&·•-]+/)
    .every(
      (word) =>
        word === '' ||
        /^[\p{Lu}\p{Lo}\p{N}(]/u.test(word) ||
        /^(of|and|at|for|the|in|und|für|im|et|de|des|du|y|e|di|van|voor|och|og|i|@)$/.test(word),
    )

const wordsOf = (line: string): string[] =>
  fold(line)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1)
