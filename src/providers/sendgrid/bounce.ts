import type { Batch } from '../../inbox/provider.ts'
import { countBounces } from './contact-bounces.ts'
import type { OutreachChanges } from './outreach-changes.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** `bounce`: the mail came back. A `blocked` one is not the contact's fault: it counts for the mailbox alone. */
export const bounce = async (
  events: SendgridEvent[],
  batch: Batch,
  changes: OutreachChanges,
): Promise<void> => {
  changes.raise(events, 'bounced')
  await countBounces(
    events.filter(({ fields }) => fields.type?.toLowerCase() !== 'blocked'),
    batch,
  )
}
