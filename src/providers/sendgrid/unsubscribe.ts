import { optOut } from '../../domain/opt-out.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'

/** `unsubscribe` and `group_unsubscribe`: the person asked for no more mail. */
export const unsubscribe = async (events: OutreachEvent[], batch: Batch): Promise<void> =>
  await optOut(
    batch,
    events.flatMap(({ contactId }) => contactId ?? []),
    'unsubscribed',
  )
