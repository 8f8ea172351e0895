import { createHmac, randomBytes } from 'node:crypto'
import type { SignedRequest } from '../signed-request.ts'

/** A form as Mailgun posts it; a name may repeat. */
export type FormFields = [name: string, value: string][]

export interface FormFile {
  field: string
  name: string
  type: string
  content: Buffer
}

/** What Mailgun has: the signing key, of which the service gets a copy, and tokens it uses once. */
export interface MailgunSigner {
  /** For `MAILGUN_WEBHOOK_SIGNING_KEY`. */
  key: string
  /** The three fields that sign a delivery; a retry may carry those of the first try. */
  sign: (options?: { at?: Date; token?: string }) => FormFields
}

export const createMailgunSigner = (key: string = randomBytes(16).toString('hex')): MailgunSigner => ({
  key,
  sign: ({ at = new Date(), token = randomBytes(25).toString('hex') } = {}) => {
    const timestamp = String(Math.floor(at.getTime() / 1_000))
    const signature = createHmac('sha256', key)
      .update(timestamp + token)
      .digest('hex')
    return [
      ['timestamp', timestamp],
      ['token', token],
      ['signature', signature],
    ]
  },
})

/** A delivery without attachments. */
export const urlencoded = (fields: FormFields): SignedRequest => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'mailgun/treq-22.2.0' },
  body: Buffer.from(new URLSearchParams(fields).toString()),
})

/** A delivery with attachments. */
export const multipart = (fields: FormFields, files: FormFile[] = []): SignedRequest => {
  const boundary = randomBytes(16).toString('hex')
  const part = (disposition: string, content: Buffer | string) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]
  const quoted = (text: string) => `"${text.replaceAll('"', '%22')}"`
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'user-agent': 'mailgun/treq-22.2.0',
    },
    body: Buffer.concat([
      ...fields.flatMap(([name, value]) => part(`name=${quoted(name)}`, value)),
      ...files.flatMap(({ field, name, type, content }) =>
        part(`name=${quoted(field)}; filename=${quoted(name)}\r\nContent-Type: ${type}`, content),
      ),
      Buffer.from(`--${boundary}--\r\n`),
    ]),
  }
}

/** The fields of a mail as Mailgun posts them: its own, and every header again as a field. */
export const mailFields = (mail: {
  recipient: string
  sender: string
  headers: [name: string, value: string][]
  text: string
  strippedText?: string
}): FormFields => {
  const header = (name: string) => mail.headers.find(([other]) => other === name)?.[1]
  const own: FormFields = [
    ['recipient', mail.recipient],
    ['sender', mail.sender],
    ['from', header('From') ?? ''],
    ['subject', header('Subject') ?? ''],
    ['body-plain', mail.text],
    ['stripped-text', mail.strippedText ?? mail.text],
    ['message-headers', JSON.stringify(mail.headers)],
  ]
  return [...mail.headers, ...own]
}
