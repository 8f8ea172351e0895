import type { ClaimedEvent } from '../../inbox/provider.ts'
import type { EventFields } from './events.ts'

/** An event as the handlers get it: with the rows it is about. Its contacts are locked. */
export interface SendgridEvent {
  claimed: ClaimedEvent
  fields: EventFields
  /** Null when the event names no outreach, or one that never came. Then only its contacts are changed. */
  outreachId: string | null
  /** The mailbox that the outreach was sent from. It is not locked yet: see `recordIncidents`. */
  mailboxId: string | null
  /**
   * The person: every contact with the event's address, even if the outreach was written to another person. If the
   * event has no address, the outreach's contact.
   */
  contactIds: string[]
}

/** The contacts of these events. A contact of several events appears once for each of them. */
export const contactsOf = (events: SendgridEvent[]): string[] =>
  events.flatMap(({ contactIds }) => contactIds)
