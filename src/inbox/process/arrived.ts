import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises'
import type pg from 'pg'
import { sha256 } from '../../db/storable.ts'
import { causeOf, isTransient } from '../../db/transaction.ts'
import type { IncomingEvent, Provider } from '../provider.ts'
import { type ArrivedEvent, type Conflicts, insertEvents, reviveEvents } from './events.ts'
import { claimUnread, finish, type QueuedDelivery, UNREADABLE } from './queue.ts'
import type { HandledEvent } from './report.ts'

/** What a batch of deliveries holds. */
interface Unpacked {
  events: ArrivedEvent[]
  done: string[]
  /** The delivery that is processed in slices, with the first event of the next. */
  sliced: { id: string; position: number } | undefined
}

/** How events enter the inbox: to be handled now, or pending. */
export interface Entry {
  now: Date
  /** Paused types: their events become pending without a next time. */
  pausedTypes: Set<string>
  /** All that have a handler become pending, due then; undefined: they are handled now. */
  pendingFrom: Date | undefined
  /** What was read of a delivery that is processed in slices. */
  reading: Map<string, IncomingEvent[]>
  conflicts: Conflicts
  /** After this failed once: an event that Postgres refuses must not cost its neighbours. */
  halved: boolean
}

/** Milliseconds of reading after which the worker yields to the event loop, so that answers go out. */
const MAX_BUSY = 5

/** Reads deliveries into events. */
const unpack = async (provider: Provider, deliveries: QueuedDelivery[], entry: Entry): Promise<Unpacked> => {
  const { reading } = entry
  const unpacked: Unpacked = { events: [], done: [], sliced: undefined }
  const taken = new Set(deliveries.map(({ id }) => id))
  for (const id of reading.keys()) if (!taken.has(id)) reading.delete(id) // another worker went on with it
  let turnedAt = performance.now()
  for (const delivery of deliveries) {
    if (performance.now() - turnedAt > MAX_BUSY) {
      await turnOfTheEventLoop()
      turnedAt = performance.now()
    }
    const { id, nextPosition, receivedAt } = delivery
    const read = reading.get(id) ?? readDelivery(provider, delivery)
    const end = Math.min(read.length, nextPosition + provider.batchSize)
    for (let position = nextPosition; position < end; position++) {
      const event = read[position] as IncomingEvent
      unpacked.events.push({
        ...event,
        eventId: delivery.eventId ?? event.eventId,
        dedupeKey: delivery.dedupeKey ?? event.dedupeKey,
        deliveryId: id,
        position,
        receivedAt,
        source: delivery.source,
        ...statusOf(provider, event, entry),
      })
    }
    if (end < read.length) {
      reading.set(id, read)
      unpacked.sliced = { id, position: end }
    } else {
      reading.delete(id)
      unpacked.done.push(id)
    }
  }
  return unpacked
}

/**
 * A delivery that was accepted must be readable again. If a bug of this service prevents that, or somebody deleted its
 * row, it becomes one event.
 */
const readDelivery = (provider: Provider, delivery: QueuedDelivery): IncomingEvent[] => {
  const { body } = delivery
  if (body === undefined)
    return [
      unreadable(
        delivery,
        'the row of the delivery is missing in webhook_deliveries, and its body with it: ask the provider to send it again',
      ),
    ]
  try {
    return provider.read({ ...delivery, body })
  } catch (error) {
    return [unreadable(delivery, `the delivery cannot be read: ${causeOf(error).message}`)]
  }
}

/** The event that stands for a delivery as a whole. */
const unreadable = (delivery: Omit<QueuedDelivery, 'body'>, why: string): IncomingEvent => ({
  eventId: delivery.eventId ?? `delivery:${delivery.id}`,
  dedupeKey: delivery.dedupeKey ?? sha256(`delivery:${delivery.id}`),
  eventType: UNREADABLE,
  subject: null,
  payload: null,
  occurredAt: delivery.receivedAt,
  unusable: why,
})

const statusOf = (
  provider: Provider,
  { eventType, unusable }: IncomingEvent,
  { pausedTypes, pendingFrom }: Entry,
): Pick<ArrivedEvent, 'status' | 'nextAttemptAt'> => {
  if (unusable !== undefined) {
    return { status: eventType === UNREADABLE ? 'dead' : 'skipped', nextAttemptAt: null }
  }
  // An unknown type is looked at like a handled one, since its alert is requested in the same transaction; so is every
  // event of a provider that may have something to say of it.
  const silent = provider.remark === undefined && provider.eventTypes.has(eventType)
  if (silent && !provider.handles(eventType)) return { status: 'ignored', nextAttemptAt: null }
  if (pausedTypes.has(eventType)) return { status: 'pending', nextAttemptAt: null }
  return { status: pendingFrom === undefined ? 'processed' : 'pending', nextAttemptAt: pendingFrom ?? null }
}

const DAY = 86_400_000

/** It was fetched when it was older than a day: nothing is sent about it. */
const isOldNews = ({ source, occurredAt, receivedAt }: ArrivedEvent): boolean =>
  source === 'catch-up' && occurredAt.getTime() < receivedAt.getTime() - DAY

/** What the events of some deliveries are now. */
export interface Entered {
  /** Written now, each once. */
  events: HandledEvent[]
  /** Known before, or copies. */
  duplicates: number
  /**
   * Takes the deliveries out of the queue: the last statement of the transaction, because a sender that posts the same
   * again has to wait for its end from then on.
   */
  finish: () => Promise<void>
}

/** Writes the events of deliveries, in the transaction that claimed them. */
export const enter = async (
  client: pg.PoolClient,
  provider: Provider,
  deliveries: QueuedDelivery[],
  entry: Entry,
): Promise<Entered> => {
  const { events, done, sliced } = await unpack(provider, deliveries, entry)
  const ids = entry.halved
    ? await insertHalved(client, provider, events, entry.now)
    : await insertEvents(client, provider.name, events, entry.now, entry.conflicts)
  const known: ArrivedEvent[] = []
  const fresh: HandledEvent[] = []
  for (const event of events) {
    const rowId = ids.get(event.dedupeKey)
    if (rowId === undefined) {
      known.push(event)
      continue
    }
    ids.delete(event.dedupeKey) // so that a copy in this batch is not new
    const { eventId, eventType, payload, receivedAt, status } = event
    const attempts = status === 'processed' ? 1 : 0
    fresh.push({
      event: { rowId, eventId, eventType, payload, receivedAt, waitingSince: null, attempts },
      status,
      isOldNews: isOldNews(event),
    })
  }
  await reviveEvents(client, provider.name, known, entry.now)
  return {
    events: fresh,
    duplicates: known.length,
    finish: () => finish(client, provider.name, done, sliced),
  }
}

const insertHalved = async (
  client: pg.PoolClient,
  provider: Provider,
  events: ArrivedEvent[],
  now: Date,
): Promise<Map<string, string>> => {
  await client.query('savepoint insert_half')
  try {
    return await insertEvents(client, provider.name, events, now)
  } catch (error) {
    if (isTransient(error)) throw error
    await client.query('rollback to insert_half')
    const [only] = events
    if (events.length === 1 && only !== undefined) {
      const unusable = `Postgres refused the event: ${causeOf(error).message}`.slice(0, 500)
      const kept = { ...only, eventType: UNREADABLE, subject: null, status: 'skipped' as const, unusable }
      return insertEvents(client, provider.name, [kept], now)
    }
    const middle = events.length >> 1
    const first = await insertHalved(client, provider, events.slice(0, middle), now)
    return new Map([...first, ...(await insertHalved(client, provider, events.slice(middle), now))])
  }
}

/** Gives up a delivery that ended the process every time: it becomes one dead event. Its body is not read. */
export const bury = async (
  client: pg.PoolClient,
  provider: Provider,
  deliveryId: string,
  now: Date,
): Promise<void> => {
  const delivery = await claimUnread(client, provider.name, deliveryId)
  if (delivery === undefined) return
  const event = unreadable(delivery, 'the process ended during every attempt')
  const { receivedAt, source } = delivery
  const place = { deliveryId, position: 0, receivedAt, source, status: 'dead' as const, nextAttemptAt: null }
  await insertEvents(client, provider.name, [{ ...event, ...place }], now)
  await finish(client, provider.name, [deliveryId], undefined)
}
