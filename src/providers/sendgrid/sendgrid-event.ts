import type { ClaimedEvent } from '../../inbox/provider.ts'
import type { EventFields } from './events.ts'

/** An event as the handlers get it: with the rows it is about, which are locked. */
export interface SendgridEvent {
  claimed: ClaimedEvent
  fields: EventFields
  /** Null when it names none, or one that never came; then only its contacts' part is applied. */
  outreachId: string | null
  /** The mailbox that the outreach was sent from. It is not locked yet: see `recordIncidents`. */
  mailboxId: string | null
  /**
   * The person: every contact with the event's address, to whomever the outreach was written. Of an event without an
   * address, the outreach's contact.
   */
  contactIds: string[]
}

/** The contacts of these events; one that is in several of them is there as often. */
export const contactsOf = (events: SendgridEvent[]): string[] =>
  events.flatMap(({ contactIds }) => contactIds)
