import type { Batch } from '../../inbox/provider.ts'
import type { OutreachChanges } from './outreach-changes.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** `click`: a link was followed. The count adds, the time takes the earliest. */
export const click = async (
  events: SendgridEvent[],
  _batch: Batch,
  changes: OutreachChanges,
): Promise<void> => {
  changes.clicked(events)
}
