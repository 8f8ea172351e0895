import { z } from 'zod'
import { canonicalJson, type Json, limitId, sha256, storableText } from '../../db/storable.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { IncomingEvent } from '../../inbox/provider.ts'
import { customerIdOf, timeOf } from './json.ts'

const MAX_TYPE_LENGTH = 100

/** What makes JSON an event; what it tells is read when it is handled. */
const envelope = z.object({
  id: z.string().min(1),
  type: z.string().min(1),
  created: z.unknown().optional(),
  data: z.object({ object: z.unknown().optional() }).optional().catch(undefined),
})

/**
 * Makes a verified body an event of the inbox.
 * @throws {Refusal} `malformed` when it is no event.
 */
export const readEvent = (json: unknown, receivedAt: Date): IncomingEvent => {
  const parsed = envelope.safeParse(json)
  if (!parsed.success) throw new Refusal('malformed', 'Invalid payload: expected a Stripe event')
  const { id, type, created, data } = parsed.data
  const customerId = customerIdOf(data?.object)
  const seconds = timeOf(created)
  return {
    eventId: limitId(id),
    dedupeKey: sha256(canonicalJson(id)),
    eventType: storableText(type, MAX_TYPE_LENGTH),
    subject: customerId === undefined ? null : `customer:${storableText(customerId)}`,
    // constructEvent is a JSON.parse.
    payload: json as Json,
    occurredAt: seconds === undefined ? receivedAt : new Date(seconds * 1_000),
  }
}
