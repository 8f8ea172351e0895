import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import {
  causeOf,
  codeOf,
  inTransaction,
  isContention,
  isTransient,
  type Transaction,
} from '../../db/transaction.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { Metrics } from '../../plugins/metrics.ts'
import type { Counts } from '../counts.ts'
import type { ProcessedKeys } from '../processed-keys.ts'
import type { ClaimedEvent, Provider } from '../provider.ts'
import { storableText } from '../storable.ts'
import { createBatch } from './batch.ts'
import {
  type BegunAttempt,
  beginAttempt,
  type Claim,
  claimFresh,
  claimThese,
  endDifferently,
  PARTS,
  recordFailure,
  takePart,
} from './claim.ts'
import { noType, reportMisunderstood, unknownType } from './misunderstood.ts'
import { type Committed, reportCommitted } from './report.ts'
import { MAX_ATTEMPTS, nextAttempt } from './retry.ts'
import type { SeldomLines } from './seldom-lines.ts'

export interface ProcessOptions {
  pool: pg.Pool
  processedKeys: ProcessedKeys
  metrics: Metrics
  counts: Counts
  seldomLines: SeldomLines
  log: FastifyBaseLogger
  clock: () => Date
  /** Whether to leave off after the batch under way. */
  stopping: () => boolean
  /** Called while there is more to do: lets what is urgent go first, for so many milliseconds at most. */
  giveWay: (atMost: number) => Promise<void>
  /** Queues notifications inside the transaction of the effects that cause them. */
  enqueue: (tx: Transaction, notifications: Notification[]) => Promise<void>
}

/** Handlers of events that go alone, at most, between two batches: they never hold up the others. */
const ALONE_PER_TURN = 20
/** A deadlock or a lock time-out is usually gone the next time; what keeps failing is taken apart. */
const TRIES_TOGETHER = 3
/** Batches under way at once, at most, while there is a backlog. */
const LANES = 3
/** Connections that the lanes leave to the other providers, which take one at a time. */
const LEFT_TO_OTHERS = 2
/** Batches of a lane, at most, before the events that go alone have their turn. */
const BATCHES_PER_TURN = 5
/** Only a replay can meet this. */
const PAYLOAD_DELETED = 'its payload was deleted, by retention or because a person asked for it'
/** How long an event that meets the database's own trouble is left alone, in milliseconds. */
const TROUBLE_PAUSE = 10_000

/** What a turn found: nothing due, all of what was due, or as much as it takes at most, so that there may be more. */
type Found = 'nothing' | 'all' | 'more'

/**
 * Applies one provider's events.
 *
 * @param carefulEvents after an unclean end: so many events go one at a time, each attempt committed before its
 * handler runs.
 * @returns a function that does one turn (a batch, and some of the events that go alone) and tells what it found. It
 * throws only when the database is in trouble.
 */
export const createProcess = (provider: Provider, options: ProcessOptions, carefulEvents: number) => {
  const { pool, metrics, counts, log, clock } = options
  let careful = carefulEvents
  let backlog = false
  let nextPart = 0
  const laneCount = Math.max(1, Math.min(LANES, pool.options.max - LEFT_TO_OTHERS))
  let owed: (() => Promise<void>)[] = []

  /** Claims, applies, marks and queues in one transaction. @returns how many events it ended. */
  const apply = async (claim: (client: pg.PoolClient, now: Date) => Promise<Claim[]>): Promise<number> => {
    const startedAt = performance.now()
    const committed = await inTransaction(pool, async (tx, client): Promise<Committed | undefined> => {
      const now = clock()
      const claims = await claim(client, now)
      if (claims.length === 0) return undefined
      const oldNews = oldNewsAmong(claims)
      const { batch, outcome } = createBatch(provider, tx, now, oldNews)
      const events = claims.filter(({ applied }) => !applied).map(({ event }) => event)
      const handled = events.filter((event) => {
        provider.remark?.(event, batch)
        const typeless = provider.whyTypeless?.(event)
        if (typeless !== undefined) {
          batch.skip(event, typeless, { counted: true })
          batch.misunderstood(event, noType(typeless))
        } else if (event.payload === null) batch.skip(event, PAYLOAD_DELETED)
        else if (provider.handles(event.eventType)) return true
        else {
          batch.ignore(event)
          if (!provider.knows(event.eventType)) batch.misunderstood(event, unknownType(event.eventType))
        }
        return false
      })
      if (handled.length > 0) await provider.handle(handled, batch)
      await endDifferently(client, [...outcome.endings.values()], now)
      await reportMisunderstood(tx, provider.name, outcome, now, oldNews)
      await options.enqueue(tx, outcome.notifications)
      return { claims, outcome, processedAt: now }
    })
    if (committed === undefined) return 0
    await reportCommitted(provider.name, committed, startedAt, options)
    const applied = committed.claims.length
    // While deliveries arrive without a pause the lanes together have the time of one.
    if (applied >= provider.batchSize) await options.giveWay((LANES - 1) * (performance.now() - startedAt))
    return applied
  }

  /** @param parted whether to take the events of one part of the subjects, each part in its turn */
  const applyFresh = async (parted: boolean): Promise<number> => {
    for (let tries = 1; ; tries++) {
      let claimed: ClaimedEvent[] = []
      try {
        return await apply(async (client, now) => {
          const part = parted ? await takePart(client, provider.name, nextPart++ % PARTS) : null
          if (part === undefined) return []
          const claims = await claimFresh(client, provider.name, now, provider.batchSize, part)
          claimed = claims.map(({ event }) => event)
          return claims
        })
      } catch (error) {
        if (claimed.length === 0 || (isTransient(error) && !isContention(error))) throw error
        if (!isContention(error) || tries === TRIES_TOGETHER) return await takeApart(claimed, error)
        log.info({ provider: provider.name, code: codeOf(error), tries }, 'batch tried again')
      }
    }
  }

  /**
   * A full batch tells of a backlog. That is taken in lanes: while one waits for its statements or the disk, another is
   * claimed and read. Lanes, of other replicas too, take different parts of the subjects, so that none waits for
   * another's rows.
   */
  const applyDue = async (): Promise<Found> => {
    if (!backlog) {
      const applied = await applyFresh(false)
      if (applied < provider.batchSize) return applied > 0 ? 'all' : 'nothing'
      backlog = provider.batchSize > 1
      return 'more'
    }
    const lanes = await Promise.allSettled(Array.from({ length: laneCount }, applyWhileFull))
    const failed = lanes.find((lane) => lane.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    backlog = lanes.some((lane) => lane.status === 'fulfilled' && lane.value)
    return backlog ? 'more' : 'all'
  }

  /** @returns whether its last batch, too, was full. */
  const applyWhileFull = async (): Promise<boolean> => {
    for (let batches = 0; batches < BATCHES_PER_TURN && !options.stopping(); batches++) {
      if ((await applyFresh(true)) < provider.batchSize) return false
    }
    return true
  }

  /** Halves a batch that failed until the event at fault stands alone; the others go through. */
  const takeApart = async (events: ClaimedEvent[], error: unknown): Promise<number> => {
    const [only] = events
    if (events.length === 1 && only !== undefined) {
      await fail(only, error)
      return 1
    }
    const middle = events.length >> 1
    for (const half of [events.slice(0, middle), events.slice(middle)]) {
      const ids = half.map((event) => event.id)
      try {
        await apply((client, now) => claimThese(client, provider.name, now, ids, true))
      } catch (halfError) {
        await takeApart(half, halfError)
      }
    }
    return events.length
  }

  /** @returns whether an event was due. */
  const applyAlone = async (which: 'fresh' | 'troubled'): Promise<boolean> => {
    const begun = await beginAttempt(pool, provider.name, clock(), which)
    if (begun === undefined) return false
    try {
      if (begun.attempts > MAX_ATTEMPTS) throw new Error('the process ended during every attempt')
      await apply((client, now) => claimThese(client, provider.name, now, [begun.id], false))
    } catch (error) {
      await fail(begun, error)
    }
    return true
  }

  const fail = async (event: BegunAttempt, error: unknown): Promise<void> => {
    const now = clock()
    const message = storableText(causeOf(error).message, 1_000)
    const line = {
      provider: provider.name,
      eventType: event.eventType,
      eventId: event.eventId,
      attempts: event.attempts,
    }
    if (isTransient(error)) {
      const nextAttemptAt = new Date(now.getTime() + TROUBLE_PAUSE)
      const uncounted = { attempts: event.attempts - 1, error: message, nextAttemptAt }
      owed.push(() => recordFailure(pool, event.id, uncounted))
      await payOwed()
      log.warn({ ...line, err: error }, 'postponed: the database is in trouble')
      return
    }
    const nextAttemptAt = nextAttempt(event.attempts, now)
    await recordFailure(pool, event.id, { attempts: event.attempts, error: message, nextAttemptAt })
    const tags = { provider: provider.name, event_type: event.eventType }
    metrics.count('received', 1, { ...tags, status: 'error' })
    metrics.count('errors', 1, { ...tags, status: 'error' })
    counts.add(provider.name, nextAttemptAt === null ? 'dead' : 'failed', 1)
    if (nextAttemptAt !== null) return log.error({ ...line, err: error, nextAttemptAt }, 'attempt failed')
    metrics.count('dead', 1, tags)
    log.error({ ...line, err: error }, 'dead: failed on every attempt')
  }

  /** What could not be recorded because the database went away is recorded before anything else is begun. */
  const payOwed = async (): Promise<void> => {
    for (let next = owed[0]; next !== undefined; next = owed[0]) {
      await next()
      owed = owed.filter((other) => other !== next)
    }
  }

  return async (): Promise<Found> => {
    await payOwed()
    if (careful > 0) {
      // By turns: one that ended the process before is found soon, and holds up no other.
      const fresh = await applyAlone('fresh')
      const troubled = await applyAlone('troubled')
      careful = fresh || troubled ? careful - 1 : 0
      return fresh || troubled ? 'more' : 'nothing'
    }
    const found = await applyDue()
    let alone = 0
    while (alone < ALONE_PER_TURN && !options.stopping() && (await applyAlone('troubled'))) alone++
    if (alone === ALONE_PER_TURN) return 'more'
    return alone > 0 && found === 'nothing' ? 'all' : found
  }
}

const oldNewsAmong = (claims: Claim[]): Set<string> =>
  new Set(claims.filter(({ isOldNews }) => isOldNews).map(({ event }) => event.id))
