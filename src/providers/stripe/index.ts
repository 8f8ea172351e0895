import type { Config } from '../../config.ts'
import { isSuspect, storable } from '../../db/storable.ts'
import type { CreatedProvider } from '../record.ts'
import { STRIPE_EVENT_TYPES } from './event-types.ts'
import { readEvent } from './events.ts'
import { handle } from './handle.ts'
import { tellOfTestMode } from './notices.ts'
import { isOfTestMode } from './payload.ts'
import { pricesOf } from './prices.ts'
import { stripeSignature } from './read-signature.ts'
import { isHandled } from './reading.ts'
import { assertSignaturePresent, verifiedJson } from './verify.ts'

/** In bytes. */
export const BODY_LIMIT = 1024 * 1024

export const createStripe = (config: Config): CreatedProvider<Buffer> => {
  const prices = pricesOf(config)
  return {
    bodyLimit: BODY_LIMIT,
    mediaTypes: ['application/json'],
    configured: config.STRIPE_WEBHOOK_SECRET.length > 0,
    precheck: assertSignaturePresent,
    verify: (delivery) => {
      const json = verifiedJson(delivery, {
        secrets: config.STRIPE_WEBHOOK_SECRET,
        maxAge: config.STRIPE_MAX_AGE,
        maxFuture: config.MAX_FUTURE,
      })
      return { body: delivery.body, events: [readEvent(json, delivery.receivedAt)] }
    },
    read: ({ body, receivedAt }) => {
      const text = body.toString('utf8')
      const json = JSON.parse(text)
      return [readEvent(isSuspect(text) ? storable(json) : json, receivedAt)]
    },
    readSignature: (delivery) => stripeSignature(delivery, config),
    // Before anything else, since customers of test mode mostly have no user here.
    remark: (event, batch) => {
      if (isOfTestMode(event)) tellOfTestMode(event, batch)
    },
    handles: isHandled,
    eventTypes: new Set<string>(STRIPE_EVENT_TYPES),
    handle: (events, batch) => handle(events, batch, prices),
    waitLimit: 72 * 3_600_000,
    batchSize: 200,
    workers: 2,
    singleEvents: true,
  }
}
