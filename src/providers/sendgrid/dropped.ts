import { type OptOutReason, optOut } from '../../domain/opt-out.ts'
import type { Batch } from '../../inbox/provider.ts'
import { countBounces } from './contact-bounces.ts'
import type { OutreachChanges } from './outreach-changes.ts'
import { contactsOf, type SendgridEvent } from './sendgrid-event.ts'

/** Lists of addresses that asked not to be mailed. */
const OPT_OUTS: Record<string, OptOutReason> = {
  'unsubscribed address': 'unsubscribed',
  'spam reporting address': 'spam',
}
/**
 * Lists of addresses that do not exist. After one hard bounce SendGrid drops what goes to the address, so a second
 * `bounce` hardly ever comes: these count as one.
 */
const BOUNCED = new Set(['bounced address', 'invalid'])

const reasonOf = ({ fields }: SendgridEvent): string => (fields.reason ?? '').toLowerCase()

/**
 * `dropped`: SendGrid did not try to deliver, usually because the address is on one of its lists. The event that put it
 * there was already counted against the mailbox and alerted, so a drop does neither.
 */
export const dropped = async (
  events: SendgridEvent[],
  batch: Batch,
  changes: OutreachChanges,
): Promise<void> => {
  changes.raise(events, 'dropped')
  await countBounces(
    events.filter((event) => BOUNCED.has(reasonOf(event))),
    batch,
  )
  for (const [reason, optOutReason] of Object.entries(OPT_OUTS)) {
    const listed = events.filter((event) => reasonOf(event) === reason)
    await optOut(batch, contactsOf(listed), optOutReason)
  }
}
