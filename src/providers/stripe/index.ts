import type { Config } from '../../config.ts'
import type { Batch, ClaimedEvent, Provider } from '../../inbox/provider.ts'
import { isSuspect, storable } from '../../inbox/storable.ts'
import { applyEvent } from './apply.ts'
import { readEvent } from './events.ts'
import type { Context } from './handler.ts'
import { loadAccounts } from './load-accounts.ts'
import { isHandled, readPayload } from './payload.ts'
import { saveAccounts } from './save-accounts.ts'
import { type Prices, pricesOf } from './tiers.ts'
import { assertSignaturePresent, verifiedJson } from './verify.ts'

/** In bytes. */
export const BODY_LIMIT = 1024 * 1024

export const createStripe = (config: Config): Provider<Buffer> => {
  const prices = pricesOf(config)
  return {
    name: 'stripe',
    path: '/webhooks/stripe',
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
    handles: isHandled,
    handle: (events, batch) => handle(events, batch, prices),
    waitLimit: 72 * 3_600_000,
    batchSize: 200,
    workers: 2,
    singleEvents: true,
  }
}

/** One after the other in memory, between a constant number of statements. */
const handle = async (claims: ClaimedEvent[], batch: Batch, prices: Prices): Promise<void> => {
  const read = claims.map((claimed) => ({ claimed, event: readClaimed(claimed) }))
  const accounts = await loadAccounts(
    batch.tx,
    read.flatMap(({ event }) => event ?? []),
    prices,
  )
  for (const { claimed, event } of read) {
    if (event === undefined) {
      batch.skip(claimed, 'the payload is not what its type says')
    } else if (event.customerId === undefined) {
      batch.skip(claimed, 'the payload names no customer')
    } else {
      const account = accounts.get(event.customerId)
      if (account === undefined) batch.wait(claimed, 'user not found', { customerId: event.customerId })
      else applyEvent(event, account, contextOf(claimed, batch, prices))
    }
  }
  if (accounts.size > 0) await saveAccounts(batch.tx, [...accounts.values()])
}

const readClaimed = (claimed: ClaimedEvent) =>
  isHandled(claimed.eventType) ? readPayload(claimed.eventType, claimed) : undefined

const contextOf = (claimed: ClaimedEvent, { log, notify }: Batch, prices: Prices): Context => ({
  prices,
  log: (level, message, details) => log(level, message, claimed, details),
  notify: (request) => notify({ ...request, event: claimed.id }),
})
