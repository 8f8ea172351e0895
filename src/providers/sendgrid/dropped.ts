import { raiseStatus } from '../../domain/outreach-status.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'

/** `dropped`: SendGrid did not even try, for the address is on one of its lists. */
export const dropped = async (events: OutreachEvent[], batch: Batch): Promise<void> =>
  await raiseStatus(batch, 'dropped', events)
