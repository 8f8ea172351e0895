import { invoiceOf } from './facts.ts'
import type { Handler } from './handler.ts'
import { tellPaymentFailed } from './notices.ts'

/** `invoice.payment_failed`: the customer is told, unless the invoice is known to be paid meanwhile. */
export const invoicePaymentFailed: Handler<'invoice.payment_failed'> = (event, account, context) => {
  const { object, created } = event
  const invoice = invoiceOf(account, object.id, object.subscriptionId)
  invoice.failedAt = Math.max(invoice.failedAt ?? created, created)
  if (invoice.paidAt === null) tellPaymentFailed(event, account, context)
}
