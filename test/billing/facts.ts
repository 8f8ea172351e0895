import type { Fact } from '../../src/billing/facts.ts'
import { fetchedInvoice } from '../../src/providers/stripe/invoice.ts'
import { readPayload } from '../../src/providers/stripe/payload.ts'
import { isHandled, readingOf } from '../../src/providers/stripe/reading.ts'
import { fetchedSubscription } from '../../src/providers/stripe/subscription.ts'
import type { StripeJson } from '../providers/stripe/events.ts'
import { PRICES } from './histories.ts'

/** The fact that an event is; undefined when it is none. */
export const factOf = (event: StripeJson): Fact | undefined => {
  if (!isHandled(event.type)) return undefined
  const payload = JSON.parse(JSON.stringify(event))
  const read = readPayload(event.type, { eventId: event.id, payload, receivedAt: new Date(0) })
  const reading = readingOf(read, PRICES)
  return reading.kind === 'fact' ? reading.fact : undefined
}

export const fetchedFact = (object: object, at: number): Fact | undefined =>
  'object' in object && object.object === 'subscription'
    ? fetchedSubscription(object, at, PRICES)
    : fetchedInvoice(object, at, PRICES)
