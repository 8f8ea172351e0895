import { fromPayload, type Mail } from '../../mail/mail.ts'
import { HMAC, type LocalPost } from '../local-post.ts'

export const mailgunLocalPost: LocalPost = {
  keyVariable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
  contentType: 'application/x-www-form-urlencoded',
  body: (kept) =>
    Buffer.from(new URLSearchParams(fieldsOf(fromPayload(JSON.parse(kept.toString())))).toString()),
  bodyOfOne: (payload) => payload,
  // A token that was used before, for another mail, is taken for a replayed signature.
  sign: [
    'token=$(openssl rand -hex 25)',
    `signature=$(printf %s "$t$token" | ${HMAC})`,
    `printf '&timestamp=%s&token=%s&signature=%s' "$t" "$token" "$signature" >> "$body"`,
  ],
  headers: [],
}

/** The form that the mail came as, without the bytes of attachments, which are not kept. */
const fieldsOf = (mail: Mail): [string, string][] => {
  const own: [string, string | null][] = [
    ['recipient', mail.recipient],
    ['sender', mail.sender],
    ['from', mail.from],
    ['subject', mail.subject],
    ['body-plain', mail.text],
    ['stripped-text', mail.strippedText],
    ['stripped-signature', mail.strippedSignature],
    ['body-calendar', mail.calendarMethod === null ? null : `METHOD:${mail.calendarMethod}`],
    ['message-headers', JSON.stringify(mail.headers)],
    [
      'attachments',
      mail.attachments.length === 0
        ? null
        : JSON.stringify(
            mail.attachments.map(({ name, type, size }) => ({ name, 'content-type': type, size })),
          ),
    ],
  ]
  return own.filter((field): field is [string, string] => field[1] !== null)
}
