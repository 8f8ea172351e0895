import type { Batch } from '../../inbox/provider.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** The end of an event that names no outreach, and no contact that it could be applied to. */
export const skipUnnamed = ({ claimed, fields }: SendgridEvent, batch: Batch): void => {
  const { outreachId, smtpId, mailId, email } = fields
  // It waited for the outreach: our own mail, so each is worth a line.
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
