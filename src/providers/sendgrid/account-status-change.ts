import type { Batch } from '../../inbox/provider.ts'
import { linkTo } from '../../notifications/pages.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** Characters of the new status that an alert shows. */
const MAX_STATUS = 100

/** `account_status_change`: the account was suspended, or works again. It only alerts: a person has to look. */
export const accountStatusChange = async (events: SendgridEvent[], batch: Batch): Promise<void> => {
  for (const { claimed, fields } of events) {
    const status = fields.type?.slice(0, MAX_STATUS)
    batch.log('warn', 'account status changed', claimed)
    batch.notify({
      channel: 'slack',
      key: `sendgrid:account_status_change:${claimed.rowId}`,
      event: claimed.rowId,
      data: {
        channel: 'ops',
        text: `⚠️ SendGrid changed the status of the account: ${status}. Mail may no longer be going out. Runbook: ${linkTo('sendgridAccount')}`,
      },
    })
  }
}
