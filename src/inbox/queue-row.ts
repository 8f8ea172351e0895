import { webhookQueue } from '../db/schema.ts'
import { columns } from '../db/statement.ts'

/** The columns of a new queue row, in this order: on acceptance, and when a delivery is to be read once more. */
export const NEW_QUEUE_ROW = columns(
  webhookQueue.deliveryId,
  webhookQueue.receivedAt,
  webhookQueue.provider,
  webhookQueue.eventCount,
  webhookQueue.bodyHash,
  webhookQueue.eventId,
  webhookQueue.dedupeKey,
  webhookQueue.source,
)
