import type { Handler } from './handler.ts'
import { takeSnapshot } from './snapshot.ts'

/** `customer.subscription.deleted`: it has ended, for good. */
export const subscriptionDeleted: Handler<'customer.subscription.deleted'> = (event, account, context) => {
  takeSnapshot(event, account, context)
}
