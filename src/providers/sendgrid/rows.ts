import type { RowOfEvent } from '../../changes/watched.ts'
import { lockPeople } from '../../domain/contacts.ts'
import { lockOutreach } from '../../domain/locks.ts'
import { cancelStepsOfOptedOut } from '../../domain/sequence-steps.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { Named } from './outreach.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/**
 * Locks the contacts that the handlers write (and the outreach, if changes are kept), and finds the person that each event is about. Steps of an
 * outreach that became known after its contact had opted out are cancelled.
 *
 * @param concernsContact whether an event of this type changes its contact.
 */
export const lockRows = async (
  events: Named[],
  batch: Batch,
  concernsContact: (eventType: string) => boolean,
): Promise<SendgridEvent[]> => {
  const emails = events.map(({ claimed, fields }) =>
    concernsContact(claimed.eventType) ? fields.email : undefined,
  )
  const people = await lockPeople(batch.tx, {
    ids: unique(events.map(({ outreach }) => outreach?.contactId)),
    emails: unique(emails),
  })
  // The values before are read now, so the rows must be locked now. Otherwise the update locks them.
  if (batch.about !== undefined) {
    await lockOutreach(batch.tx, unique(events.map(({ outreach }) => outreach?.id)))
  }

  const byEmail = Map.groupBy(people, ({ email }) => email.toLowerCase())
  const found = events.map(({ claimed, fields, outreach }) => {
    const addressees =
      fields.email === undefined
        ? [outreach?.contactId ?? []].flat()
        : (byEmail.get(fields.email.toLowerCase()) ?? []).map(({ id }) => id)
    return {
      claimed,
      fields,
      outreachId: outreach?.id ?? null,
      mailboxId: outreach?.mailboxId ?? null,
      contactIds: concernsContact(claimed.eventType) ? addressees : [],
    }
  })
  await batch.about?.(found.flatMap(rowsOf))

  const optedOut = new Set(people.flatMap((contact) => (contact.optedOut ? contact.id : [])))
  const late = events.filter(({ outreach }) => optedOut.has(outreach?.contactId ?? ''))
  await cancelStepsOfOptedOut(batch, unique(late.map(({ outreach }) => outreach?.id)))
  return found
}

const rowsOf = ({ claimed, outreachId, mailboxId, contactIds }: SendgridEvent): RowOfEvent[] => [
  ...contactIds.map((id) => ({ event: claimed, kind: 'contacts' as const, id })),
  ...(outreachId === null ? [] : [{ event: claimed, kind: 'outreach' as const, id: outreachId }]),
  ...(mailboxId === null ? [] : [{ event: claimed, kind: 'mailboxes' as const, id: mailboxId }]),
]

const unique = (values: (string | null | undefined)[]): string[] => [
  ...new Set(values.filter((value) => value !== null && value !== undefined)),
]
