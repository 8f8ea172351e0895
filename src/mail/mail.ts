import type { Json } from '../db/storable.ts'

/** A mail as it is kept in the inbox: what the rules use, in UTF-8, within bounds. */
export interface Mail {
  /** Unix seconds, as Mailgun signed them. */
  timestamp: number
  messageId: string | null
  /** From the envelope: our mailbox, perhaps beside other addresses. */
  recipient: string | null
  /** False when the form has several `recipient` fields: which of them is Mailgun's cannot be known. */
  isRecipientCertain: boolean
  /** From the envelope: empty when the mail must not be answered, null when it is unknown. */
  sender: string | null
  /** As it came: `readAddresses` decodes the names. */
  from: string | null
  /** Decoded. */
  subject: string | null
  /** The whole text, and what is left of it without quotes and signature, as far as Mailgun could tell. */
  text: string | null
  strippedText: string | null
  strippedSignature: string | null
  /** In order, repeated ones included; names and values as they were written. */
  headers: [name: string, value: string][]
  /** The method of the calendar part, in upper case: `REPLY` answers an invitation. Null without one. */
  calendarMethod: string | null
  attachments: Attachment[]
}

/** An attachment, described. Its bytes are not kept. */
export interface Attachment {
  name: string | null
  type: string | null
  /** Bytes. */
  size: number
}

/** All values of a header, whatever the case of its name. @param name in lower case. */
export const headerValues = ({ headers }: Mail, name: string): string[] =>
  headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value)

/** The mail as the inbox's payload. */
export const toPayload = (mail: Mail): Json => ({
  ...mail,
  attachments: mail.attachments.map((one) => ({ ...one })),
})

const EMPTY: Mail = {
  timestamp: 0,
  messageId: null,
  recipient: null,
  isRecipientCertain: true,
  sender: null,
  from: null,
  subject: null,
  text: null,
  strippedText: null,
  strippedSignature: null,
  headers: [],
  calendarMethod: null,
  attachments: [],
}

/** A mail from the inbox, as {@link toPayload} made it. */
export const fromPayload = (payload: Json): Mail => ({ ...EMPTY, ...(payload as Partial<Mail> | null) })
