import { webhookQueue } from '../db/schema.ts'
import { columns } from '../db/statement.ts'

/** What a delivery has in the queue when it comes: on acceptance, and when it is to be read once more. In this order. */
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
