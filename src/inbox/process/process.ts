import type pg from 'pg'
import { errorText } from '../../db/storable.ts'
import {
  codeOf,
  inTransaction,
  isContention,
  isOutage,
  isTransient,
  type Transaction,
} from '../../db/transaction.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { Traces } from '../../traces.ts'
import type { ClaimedEvent, IncomingEvent, Provider } from '../provider.ts'
import { type Applying, type Attempt, applyHalved, applyTogether, takeTurnToHalve } from './apply.ts'
import { bury, type Entered, type Entry, enter } from './arrived.ts'
import { look } from './look.ts'
import { beginAttempt, type Claim, claimDue, claimThese, recordFailure } from './pending.ts'
import { claimDeliveries, claimDelivery, countClaim, uncountClaim } from './queue.ts'
import {
  type Committed,
  type HandledEvent,
  type ReportOptions,
  reportCommitted,
  reportFailure,
} from './report.ts'
import { MAX_ATTEMPTS, nextAttempt } from './retry.ts'

export interface ProcessOptions extends ReportOptions {
  pool: pg.Pool
  /**
   * Runs work whose attempt or claim is counted beforehand, one piece at a time in this process: if one ends the
   * process, no other is blamed.
   */
  alone: <T>(work: () => Promise<T>) => Promise<T>
  /** Whether to stop after the current batch. */
  closing: () => boolean
  /** Queues notifications inside the transaction of the effects that cause them. */
  enqueue: (tx: Transaction, notifications: Notification[]) => Promise<void>
  /** Whether what events change is kept with them. */
  keepChanges: boolean
  /** Undefined when tracing is off. */
  traces?: Traces | undefined
}

/** What the workers of one provider share. */
export interface Shared {
  /** After an unclean end: what was received before then is taken carefully. Undefined once that is done. */
  carefulBefore: Date | undefined
}

/** The most isolated events in one turn, so that they never hold up the others. */
const ALONE_PER_TURN = 20
/**
 * Times that a batch is retried as a whole. A deadlock or lock time-out is usually gone the next time; what keeps
 * failing is halved.
 */
const TRIES_TOGETHER = 3
/** Milliseconds until an event is tried again that failed because the database was in trouble. */
const TROUBLE_PAUSE = 10_000
/** Milliseconds for which events that are halved in separate transactions are kept from other batches. */
const RESERVED_FOR = 60_000
/** Milliseconds for which a worker takes deliveries without looking first, while they keep coming. */
const LOOKS_AGAIN_AFTER = 50
/** Claims of a delivery during which the process ended, before the delivery is given up. */
const MAX_CLAIMS = 8

/** What one turn found. */
export interface Turn {
  worked: boolean
  /** Whether a batch was as large as it may be, so that another worker can help. */
  full: boolean
  /** Milliseconds for which the oldest of its deliveries had waited; undefined when it took none. */
  waited: number | undefined
}

/** The work of one transaction. */
interface Work {
  events: HandledEvent[]
  /** Those whose handlers run now. */
  due: ClaimedEvent[]
  /** Why some of them cannot be read, by row id. */
  unread?: Map<string, Error>
  duplicates: number
  finish: () => Promise<void>
}

/** Claims work. @returns undefined when nothing is due. */
type Source = (client: pg.PoolClient, now: Date, halved: boolean) => Promise<Work | undefined>

/**
 * Applies one provider's events. Workers of this process and of others share the work: each takes what no other worker
 * has.
 *
 * @returns a function that does one turn: a batch of deliveries, one of pending events, and, if asked, some isolated
 * events. These wait for those of other providers, so only one worker takes them and the others go on. It throws only
 * when the database is in trouble.
 */
export const createProcess = (provider: Provider, shared: Shared, options: ProcessOptions) => {
  const { pool, log, clock } = options
  const { name, batchSize } = provider
  /** What was read of a delivery that is taken in slices. */
  const reading = new Map<string, IncomingEvent[]>()
  const isRead = (id: string): boolean => reading.has(id)
  /** Times in a row that a connection was lost although the server answers. */
  let lost = 0
  const strikes = new Map<string, number>()
  const conflicts = { expectedUntil: 0 }
  let waited: number | undefined
  let owed: (() => Promise<void>)[] = []

  /** Takes a batch of deliveries from the queue and writes their events. */
  const take = async (
    client: pg.PoolClient,
    entry: Pick<Entry, 'now' | 'pendingFrom' | 'halved'>,
  ): Promise<Entered | undefined> => {
    const since = shared.carefulBefore
    const claimed = await claimDeliveries(client, name, { most: batchSize, since, isRead })
    const [oldest] = claimed.deliveries
    if (oldest === undefined) return undefined
    waited = entry.now.getTime() - oldest.receivedAt.getTime()
    const { pausedTypes } = claimed
    return enter(client, provider, claimed.deliveries, { ...entry, pausedTypes, reading, conflicts })
  }

  const eventsThatAre = (wanted: HandledEvent['status'], events: HandledEvent[]): ClaimedEvent[] =>
    events.filter(({ status }) => status === wanted).map(({ event }) => event)

  const deliveries: Source = async (client, now, halved) => {
    const entered = await take(client, { now, pendingFrom: undefined, halved })
    return entered && { ...entered, due: eventsThatAre('processed', entered.events) }
  }

  const pending =
    (claim: (client: pg.PoolClient, now: Date) => Promise<Claim[] | undefined>): Source =>
    async (client, now) => {
      const claims = await claim(client, now)
      if (claims === undefined) return undefined
      const events = claims.map(({ event, isOldNews }) => ({
        event,
        status: 'processed' as const,
        isOldNews,
      }))
      return {
        events,
        due: claims.filter(({ applied }) => !applied).map(({ event }) => event),
        unread: new Map(claims.flatMap(({ event, unread }) => (unread ? [[event.rowId, unread]] : []))),
        duplicates: 0,
        finish: async () => {},
      }
    }

  const dueAgain = pending((client, now) => claimDue(client, provider, now, shared.carefulBefore))
  /** Events of a batch that is undone, as they are then. */
  const uncounted = async ({ due }: Work) => due.map((event) => ({ ...event, attempts: event.attempts - 1 }))

  /** One transaction. @returns how many events it held. */
  const run = async (
    source: Source,
    halved: boolean,
    onWork: (work: Work) => void = () => {},
  ): Promise<number> => {
    const startedAt = performance.now()
    const committed = await inTransaction(
      pool,
      async (tx, client) => {
        if (halved) await takeTurnToHalve(client)
        const now = clock()
        const work = await source(client, now, halved)
        if (work === undefined) return undefined
        onWork(work)
        const oldNews = new Set(
          work.events.filter(({ isOldNews }) => isOldNews).map(({ event }) => event.rowId),
        )
        const { unread } = work
        const { keepChanges, enqueue } = options
        const applying: Applying = { provider, tx, client, now, oldNews, unread, keepChanges, enqueue }
        const applied = halved
          ? await applyHalved(applying, work.due)
          : { outcome: await applyTogether(applying, work.due), failures: [] }
        await work.finish()
        return { ...work, ...applied, processedAt: now }
      },
      provider.settings,
    )
    if (committed === undefined) return 0
    await reportCommitted(name, committed, startedAt, options)
    trace(committed, startedAt)
    return Math.max(1, committed.events.length + committed.duplicates)
  }

  /** A span of what went well, and one of each event that failed. */
  const trace = ({ events, failures }: Pick<Committed, 'events' | 'failures'>, startedAt: number): void => {
    if (options.traces === undefined) return
    const failed = new Set(failures.map(({ event }) => event.rowId))
    const well = events.map(({ event }) => event).filter(({ rowId }) => !failed.has(rowId))
    void options.traces.processed({ provider: name, events: well, startedAt })
    for (const { event, error } of failures) traceFailure(event, error, startedAt)
  }

  const traceFailure = (event: Attempt, error: unknown, startedAt: number): void => {
    void options.traces?.processed({ provider: name, events: [event], startedAt, error })
  }

  /** Applies a batch: as a whole, then retried, then halved. */
  const applyBatch = async (
    source: Source,
    split: (work: Work) => Promise<ClaimedEvent[]>,
  ): Promise<number> => {
    for (let tries = 1, halved = false; ; tries++) {
      let work: Work | undefined
      try {
        const held = await run(source, halved, (found) => {
          work = found
        })
        lost = 0
        return held
      } catch (error) {
        if (work === undefined || options.closing()) throw error
        if (
          isOutage(error) ? (await answers()) && ++lost >= TRIES_TOGETHER : halved && !isContention(error)
        ) {
          log.warn(
            { provider: name, err: error },
            'batch failed on every try: halving it to find the event at fault',
          )
          await halve(await split(work))
          lost = 0
          return work.events.length
        }
        if (halved || isOutage(error)) throw error
        halved = !isContention(error) || tries === TRIES_TOGETHER
        log.info({ provider: name, code: codeOf(error), tries, halved }, 'batch tried again')
      }
    }
  }

  const answers = async (): Promise<boolean> => {
    try {
      await pool.query('select 1')
      return true
    } catch {
      return false
    }
  }

  /** Writes the events of a batch as pending, kept from others for a while. */
  const enterReserved = async (): Promise<ClaimedEvent[]> =>
    await inTransaction(pool, async (_tx, client) => {
      const now = clock()
      const pendingFrom = new Date(now.getTime() + RESERVED_FOR)
      const entered = await take(client, { now, pendingFrom, halved: true })
      await entered?.finish()
      return eventsThatAre('pending', entered?.events ?? [])
    })

  /** Halves pending events, each part in a transaction of its own: what ends a connection ends its transaction too. */
  const halve = async (events: ClaimedEvent[]): Promise<void> => {
    const [only] = events
    if (only === undefined) return
    const ids = events.map(({ rowId }) => rowId)
    const startedAt = performance.now()
    try {
      await run(
        pending((client, now) => claimThese(client, provider, now, ids, 1)),
        false,
      )
    } catch (error) {
      if (events.length === 1) {
        const attempt = { ...only, attempts: only.attempts + 1 }
        return await fail(attempt, error, { startedAt, counted: await answers() })
      }
      const middle = events.length >> 1
      await halve(events.slice(0, middle))
      await halve(events.slice(middle))
    }
  }

  /** @returns whether an event was due. */
  const applyAlone = (which: 'fresh' | 'failed', before?: Date): Promise<boolean> =>
    options.alone(() => attempt(which, before))

  const attempt = async (which: 'fresh' | 'failed', before?: Date): Promise<boolean> => {
    const startedAt = performance.now()
    const begun = await beginAttempt(pool, name, clock(), which, before)
    if (begun === undefined || begun === 'paused') return begun === 'paused'
    try {
      // The process ended during the last attempt, perhaps because of another event: an error of its own says more.
      if (begun.attempts > MAX_ATTEMPTS) {
        throw new Error(begun.lastError ?? 'the process ended during every attempt')
      }
      await run(
        pending((client, now) => claimThese(client, provider, now, [begun.rowId], 0)),
        false,
      )
      strikes.delete(begun.rowId)
    } catch (error) {
      const strike = (strikes.get(begun.rowId) ?? 0) + 1
      const counted = !isTransient(error) || strike >= TRIES_TOGETHER
      if (counted) strikes.delete(begun.rowId)
      else strikes.set(begun.rowId, strike)
      await fail(begun, error, { startedAt, counted })
    }
    return true
  }

  /** Traces and records a failed attempt; one that met the database's own trouble is not counted. */
  const fail = async (
    event: Attempt,
    error: unknown,
    { startedAt, counted }: { startedAt: number; counted: boolean },
  ): Promise<void> => {
    traceFailure(event, error, startedAt)
    const now = clock()
    const failure = counted
      ? { attempts: event.attempts, attempt: event.attempts, nextAttemptAt: nextAttempt(event.attempts, now) }
      : {
          attempts: event.attempts - 1,
          attempt: null,
          nextAttemptAt: new Date(now.getTime() + TROUBLE_PAUSE),
        }
    owed.push(() => recordFailure(pool, event.rowId, { ...failure, error: errorText(error) }, now))
    await payOwed()
    if (counted) return reportFailure(name, { event, error, nextAttemptAt: failure.nextAttemptAt }, options)
    // One line a minute during an outage. The error is kept with each event.
    const { eventId } = event
    options.trouble.report({ provider: name, eventId }, 'postponed: the database is in trouble', {
      of: name,
      events: 1,
    })
  }

  /** Failures that could not be recorded while the database was away are recorded before new work begins. */
  const payOwed = async (): Promise<void> => {
    for (let next = owed[0]; next !== undefined; next = owed[0]) {
      await next()
      owed = owed.filter((other) => other !== next)
    }
  }

  /** @returns whether there was a delivery. */
  const enterCarefully = async (before: Date): Promise<boolean> => {
    const counted = await countClaim(pool, name, before)
    if (counted === undefined) return false
    try {
      await inTransaction(pool, async (_tx, client) => {
        const now = clock()
        if (counted.claims > MAX_CLAIMS) return await bury(client, provider, counted.id, now)
        const delivery = await claimDelivery(client, name, counted.id)
        if (delivery === undefined) return
        const entry = {
          now,
          pausedTypes: new Set<string>(),
          pendingFrom: now,
          reading,
          conflicts,
          halved: true,
        }
        const { events, finish } = await enter(client, provider, [delivery], entry)
        await finish()
        log.debug({ provider: name, events: events.length }, 'delivery taken carefully')
      })
    } catch (error) {
      if (isTransient(error)) owed.push(() => uncountClaim(pool, name, counted.id))
      throw error
    }
    return true
  }

  /**
   * After an unclean end: each claim of a delivery is counted and committed before its body is read, then its events
   * become pending and go alone. So whatever ends the process, a delivery or an event, is found.
   */
  const takeCarefully = async (before: Date): Promise<boolean> => {
    let worked = await options.alone(() => enterCarefully(before))
    for (let alone = 0; alone < ALONE_PER_TURN && !options.closing(); alone++) {
      if (!(await applyAlone('fresh', before))) break
      worked = true
    }
    return worked
  }

  /** A time of `performance.now()`. */
  let takesUntil = 0

  return async (withAlone: boolean): Promise<Turn> => {
    waited = undefined
    await payOwed()
    if (performance.now() < takesUntil && shared.carefulBefore === undefined) {
      const arrived = await applyBatch(deliveries, enterReserved)
      if (arrived > 0) return { worked: true, full: arrived >= batchSize, waited }
    }
    takesUntil = 0
    let worked = false
    if (withAlone && shared.carefulBefore !== undefined) {
      worked = await takeCarefully(shared.carefulBefore)
      if (!worked) shared.carefulBefore = undefined
    }
    const found = await look(pool, name, clock())
    const lookedAt = performance.now()
    const arrived = found.queued ? await applyBatch(deliveries, enterReserved) : 0
    if (arrived > 0) takesUntil = lookedAt + LOOKS_AGAIN_AFTER
    const due = found.due ? await applyBatch(dueAgain, uncounted) : 0
    let alone = 0
    if (withAlone && found.failed) {
      while (alone < ALONE_PER_TURN && !options.closing() && (await applyAlone('failed'))) alone++
    }
    return { worked: worked || arrived + due + alone > 0, full: Math.max(arrived, due) >= batchSize, waited }
  }
}
