import type { Kind } from '../../../src/mail/kind/classify.ts'

/** A mail and what a person says it is. The wording is our own. */
export interface LabelledMail {
  kind: Kind
  /** Whether it says nothing but a request to stop. */
  stops?: true
  subject: string
  /** Ana of Acme, a contact, unless said otherwise. */
  from?: string
  /** The envelope's; that of From unless said otherwise. */
  sender?: string
  headers?: Record<string, string>
  text?: string
  calendarMethod?: string
  /** A thread header names our message. Only a mail that says so has one. */
  inThread?: true
  /** From is the contact's address; so it is when From is not given. */
  isContact?: true
}
