import { optOut } from '../../domain/opt-out.ts'
import type { Batch } from '../../inbox/provider.ts'
import { contactsOf, type SendgridEvent } from './sendgrid-event.ts'

/** `unsubscribe` and `group_unsubscribe`: the person asked for no more mail. */
export const unsubscribe = async (events: SendgridEvent[], batch: Batch): Promise<void> =>
  await optOut(batch, contactsOf(events), 'unsubscribed')
