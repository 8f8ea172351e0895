import { headerValues, type Mail } from '../mail.ts'
import { fold } from '../text/fold.ts'
import { readingsOf } from '../text/readings.ts'

/** A button's mail is short. */
const MAX_TEXT = 1_500

/** Whether this is the mail that a mail program sends when its user presses the unsubscribe button. */
export const isUnsubscribeMail = (mail: Mail): boolean => {
  if (headerValues(mail, 'x-apple-unsubscribe').some((value) => value.trim().toLowerCase() === 'true'))
    return true
  const subject = fold((mail.subject ?? '').slice(0, 200))
  const text = mail.text ?? mail.strippedText ?? ''
  if (text.length > MAX_TEXT) return false
  const said = fold(text)
  if (SENT_TO_UNSUBSCRIBE.test(said)) return true
  if (SENT_BY_PROGRAM.test(said)) return /unsubscri/.test(subject)
  return /^(list )?unsubscribe( me| request)?[.!]?$/.test(subject) && readingsOf(mail).includes('')
}

/** Apple Mail's, whole: `Apple Mail sent this email to unsubscribe from the message “…”`. */
const SENT_TO_UNSUBSCRIBE =
  /^(apple |ios )?mail sent this (e ?mail|message) to unsubscribe from the (message|mailing list|list)( ["“”„«»']|$)(.*["“”„«»'])?\.?$/u
/** Gmail's, whole. */
const SENT_BY_PROGRAM =
  /^this (e ?mail |mail )?(message|e ?mail|mail) was automatically (generated|sent) (by|from) [\p{L} .]{1,40}$/u
