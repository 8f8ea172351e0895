import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import { type Accounts, loadAccounts, type Owner } from './accounts/load.ts'
import { saveAccounts } from './accounts/save.ts'
import { saveOneOffs } from './accounts/save-invoices.ts'
import { heldBy, takeFact } from './accounts/take.ts'
import { tell, tellOfPayment } from './notices.ts'
import { readPayload } from './payload.ts'
import type { Prices } from './prices.ts'
import { type FactReading, isHandled, lackOfCustomer, type OneOffReading, readingOf } from './reading.ts'

/** An event about a user, who may be there or not. */
interface OwnedEvent {
  claimed: ClaimedEvent
  owner: Owner
  reading: FactReading | OneOffReading
}

/** Applies events one after the other in memory, between a constant number of statements. */
export const handle = async (claims: ClaimedEvent[], batch: Batch, prices: Prices): Promise<void> => {
  const owned = claims.flatMap((claimed) => readClaimed(claimed, batch, prices) ?? [])
  if (owned.length === 0) return
  const accounts = await loadAccounts(
    batch.tx,
    owned.map(({ owner }) => owner),
  )
  await batch.about?.(
    owned.flatMap(({ claimed, owner }) => {
      const userId = heldBy(accounts, owner)?.userId
      return userId === undefined ? [] : [{ event: claimed, kind: 'users' as const, id: userId }]
    }),
  )
  const oneOffs: OneOffReading[] = []
  // Those without a customer last: another one of the batch may show whose their subscription is.
  const { named = [], nameless = [] } = Object.groupBy(owned, ({ owner }) =>
    owner.customerId === undefined ? 'nameless' : 'named',
  )
  for (const { claimed, owner, reading } of [...named, ...nameless]) {
    if (heldBy(accounts, owner) === undefined) waitOrSkip(claimed, owner, accounts, batch)
    else if (reading.kind === 'fact') applyReading(claimed, reading, accounts, batch)
    else oneOffs.push(reading)
  }
  await saveAccounts(batch.tx, accounts)
  await saveOneOffs(batch.tx, oneOffs)
}

/**
 * No user was found for the event yet. Without a customer id it cannot wait for one, unless its subscription has just
 * moved.
 */
const waitOrSkip = (
  claimed: ClaimedEvent,
  { customerId, subscriptionId }: Owner,
  { userOfSubscription }: Accounts,
  batch: Batch,
): void => {
  if (customerId !== undefined || userOfSubscription.has(subscriptionId ?? '')) {
    batch.wait(claimed, 'user not found', { customerId: customerId ?? null })
    return
  }
  const why = lackOfCustomer(claimed.eventType)
  batch.misunderstood(claimed, why)
  batch.skip(claimed, why.text, { revivable: true, details: { subscriptionId: subscriptionId ?? null } })
}

/** Reads an event. One that needs no user ends here; undefined then. */
const readClaimed = (claimed: ClaimedEvent, batch: Batch, prices: Prices): OwnedEvent | undefined => {
  if (!isHandled(claimed.eventType)) return undefined
  const event = readPayload(claimed.eventType, claimed)
  if (event.isOfOtherAccount) {
    batch.ignore(claimed)
    return undefined
  }
  const reading = readingOf(event, prices)
  if (reading.kind === 'misunderstood') {
    batch.misunderstood(claimed, reading.why)
    batch.skip(claimed, reading.why.text, { details: reading.details ?? {} })
    return undefined
  }
  if (reading.kind === 'nothing' || reading.kind === 'alert') {
    if (reading.kind === 'alert') tellOfPayment(reading.alert, claimed, batch)
    return undefined
  }
  const { customerId } = reading
  const subscriptionId = reading.kind === 'fact' ? reading.fact.subscriptionId : undefined
  return { claimed, owner: { customerId, subscriptionId }, reading }
}

const applyReading = (
  claimed: ClaimedEvent,
  { customerId, fact, unknownPrices, paidUnknownPrices, lacks, hostedUrl }: FactReading,
  accounts: Accounts,
  batch: Batch,
): void => {
  const { subscriptionId } = fact
  for (const priceId of unknownPrices) {
    batch.log('warn', 'unknown price', claimed, { subscriptionId, priceId: priceId.slice(0, 100) })
  }
  for (const priceId of paidUnknownPrices) {
    batch.misunderstood(claimed, {
      reason: 'unknown_price',
      cause: priceId,
      text: `${priceId} was paid, and this price belongs to no tier: add it to STRIPE_PRICE_PRO or STRIPE_PRICE_TEAMS`,
      page: 'unknownPrice',
      channel: 'billing',
      again: 'day',
    })
  }
  for (const lack of lacks) batch.misunderstood(claimed, lack)
  const taken = takeFact(accounts, fact, customerId)
  if (taken === undefined) return
  const { held, notices } = taken
  for (const notice of notices) tell(notice, { ...held, customerId, hostedUrl }, claimed, batch)
}
