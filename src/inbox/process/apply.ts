import type pg from 'pg'
import { createWatch } from '../../changes/watch.ts'
import { errorText } from '../../db/storable.ts'
import { isOutage, type Transaction } from '../../db/transaction.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { ClaimedEvent, Provider } from '../provider.ts'
import { recordAttempts } from './attempts.ts'
import { createBatch, type Outcome, settle } from './batch.ts'
import { endDifferently, endingOf } from './events.ts'
import { noType, reportMisunderstood, unknownType } from './misunderstood.ts'
import { nextAttempt } from './retry.ts'

/** What handlers work in. */
export interface Applying {
  provider: Provider
  tx: Transaction
  client: pg.PoolClient
  now: Date
  /** Row ids of the events that are too old to alert about. */
  oldNews: ReadonlySet<string | null>
  /** Why some events cannot be read, by row id. */
  unread?: ReadonlyMap<string, Error> | undefined
  /** Whether what events change is kept with them. */
  keepChanges: boolean
  /** Queues notifications inside the transaction of the effects that cause them. */
  enqueue: (tx: Transaction, notifications: Notification[]) => Promise<void>
}

/** An attempt to handle an event. */
export type Attempt = Pick<ClaimedEvent, 'rowId' | 'eventId' | 'eventType' | 'attempts'>

/** One that failed. */
export interface Failure<Event extends Attempt = ClaimedEvent> {
  event: Event
  error: unknown
  /** Null: it is dead. */
  nextAttemptAt: Date | null
}

/** Only a replay can meet this. */
const PAYLOAD_DELETED = 'its payload was deleted, by retention or because a person asked for it'

/** Runs the handlers of events, and writes how they ended. */
export const applyTogether = async (
  { provider, tx, client, now, oldNews, unread, keepChanges, enqueue }: Applying,
  events: ClaimedEvent[],
): Promise<Outcome> => {
  const { batch, outcome } = createBatch(provider, tx, now, oldNews)
  const watch = keepChanges ? createWatch(client) : undefined
  if (watch !== undefined) batch.about = watch.about
  const handled: ClaimedEvent[] = []
  for (const event of events) {
    const error = unread?.get(event.rowId)
    if (error !== undefined) throw error
    provider.remark?.(event, batch)
    const typeless = provider.whyTypeless?.(event)
    if (typeless !== undefined) {
      batch.skip(event, typeless, { counted: true })
      batch.misunderstood(event, noType(typeless))
    } else if (event.payload === null) batch.skip(event, PAYLOAD_DELETED)
    else if (provider.handles(event.eventType)) handled.push(event)
    else {
      batch.ignore(event)
      if (!provider.eventTypes.has(event.eventType)) batch.misunderstood(event, unknownType(event.eventType))
    }
  }
  if (handled.length > 0) await provider.handle(handled, batch)
  await watch?.keep(now)
  await endDifferently(client, [...outcome.endings.values()], now)
  await reportMisunderstood(tx, provider.name, outcome, now, oldNews)
  await enqueue(tx, outcome.notifications)
  return outcome
}

/** Milliseconds that a statement waits for a lock while a batch is halved; after that it counts as blocked. */
const LOCK_WAIT = 300
/** Milliseconds after which the rest of a halved batch is left for later, because its locked rows block others. */
const HALVED_FOR = 3_000
/** Milliseconds to wait until no other batch is being halved; below the statement time-out. */
const TURN_WITHIN = 15_000
export const HALVING = 7_262

/**
 * Takes the lock that lets only one batch, of all replicas, be halved at a time, and holds it until the transaction
 * ends. Halves lock rows in another order than batches do, so two halved at once would block each other again and
 * again, each holding the rows of its earlier halves. Call it before anything is locked.
 *
 * @throws a lock time-out when it takes too long.
 */
export const takeTurnToHalve = async (client: pg.PoolClient): Promise<void> => {
  await client.query(`set local lock_timeout = ${TURN_WITHIN}`)
  await client.query('select pg_advisory_xact_lock($1)', [HALVING])
  await client.query('set local lock_timeout to default')
}

/**
 * Runs a batch that failed by halving it: each half in a savepoint, until the event at fault stands alone. That event
 * becomes pending with its attempt counted, and the others go through. Those that were not reached in time become
 * pending as well, without an attempt, and are due at once.
 * @throws when the connection is lost.
 */
export const applyHalved = async (
  applying: Applying,
  events: ClaimedEvent[],
): Promise<{ outcome: Outcome; failures: Failure[] }> => {
  const failures: Failure[] = []
  const outcomes: Outcome[] = []
  const left: ClaimedEvent[] = []
  const { client, now } = applying
  let until = Number.POSITIVE_INFINITY
  const attempt = async (some: ClaimedEvent[]): Promise<void> => {
    // At least one half must run, or the next batch would end like this one.
    if (performance.now() > until && outcomes.length + failures.length > 0) {
      left.push(...some)
      return
    }
    await client.query('savepoint half')
    try {
      outcomes.push(await applyTogether(applying, some))
      await client.query('release half')
    } catch (error) {
      if (isOutage(error)) throw error
      await client.query('rollback to half')
      const [only] = some
      if (some.length === 1 && only !== undefined) {
        failures.push({ event: only, error, nextAttemptAt: nextAttempt(only.attempts, now) })
        return
      }
      if (until === Number.POSITIVE_INFINITY) {
        until = performance.now() + HALVED_FOR
        await client.query(`set local lock_timeout = ${LOCK_WAIT}`)
      }
      const middle = some.length >> 1
      await attempt(some.slice(0, middle))
      await attempt(some.slice(middle))
    }
  }
  if (events.length > 0) await attempt(events)
  const failed = failures.map(({ event, error, nextAttemptAt }) =>
    endingOf(event, nextAttemptAt === null ? 'dead' : 'pending', { reason: errorText(error), nextAttemptAt }),
  )
  const postponed = left.map((event) =>
    endingOf(event, 'pending', { attempts: event.attempts - 1, nextAttemptAt: now }),
  )
  await endDifferently(client, [...failed, ...postponed], now)
  await recordAttempts(
    client,
    failures.map(({ event, error }) => ({
      rowId: event.rowId,
      attempt: event.attempts,
      error: errorText(error),
    })),
    now,
  )
  const outcome = settle(outcomes)
  for (const ending of postponed) outcome.endings.set(ending.rowId, ending)
  return { outcome, failures }
}
