import type { Batch } from '../../inbox/provider.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** Skips an event that names no outreach and no contact to which it could be applied. */
export const skipUnnamed = ({ claimed, fields }: SendgridEvent, batch: Batch): void => {
  const { outreachId, smtpId, mailId, email } = fields
  // It waited for an outreach, so it is about RoleFerry's own mail: each gets a log line.
  if (outreachId !== undefined) {
    batch.skip(claimed, 'outreach not found', { revivable: true, details: { outreachId } })
  } else {
    batch.skip(claimed, 'outreach not found: the event names none', {
      revivable: (smtpId ?? mailId ?? email) !== undefined,
      // Other mail of the account: there can be thousands a minute.
      counted: true,
    })
  }
}
