import { getTableName, sql } from 'drizzle-orm'
import type { Cluster, Redis } from 'ioredis'
import type pg from 'pg'
import { webhookEvents } from '../db/schema.ts'
import { toStatement } from '../db/statement.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { EXPIRY_SECONDS, KEYS_AT_ONCE, type Keyspace, ORIGIN, PREFIX } from './keyspace.ts'
import { onCluster } from './on-cluster.ts'
import { onServer } from './on-server.ts'

/** What Redis remembers of processed events. It may forget at any time: the inbox decides. */
export interface ProcessedKeys {
  /** What is remembered of these events, in one round trip. Never rejects. */
  find: (eventIds: string[]) => Promise<Looked>
  /** Remembers events whose effects are committed. Never throws: Redis is not needed. */
  add: (provider: string, events: ProcessedEvent[], processedAt: Date) => Promise<void>
}

/** What Redis knew of some events. */
export interface Looked {
  /** When each was processed (ISO 8601); null for unknown ones, and for all while Redis is away or not trusted. */
  times: (string | null)[]
  /** Whether an event that is not known cannot have been processed within the time that keys live. */
  complete: boolean
}

interface ProcessedEvent {
  eventId: string
  receivedAt: Date
}

/** The keys of one Redis, and whether they are trusted. */
export interface CheckedKeys extends ProcessedKeys {
  /** Stops trusting the keys until a check succeeds; also the state at the start. */
  distrust: () => void
  trusted: () => boolean
  /**
   * Compares this inbox with the one that the keys belong to, and deletes the keys when it is another one.
   * @returns how many were deleted. @throws when Postgres or Redis cannot be asked; trust is unchanged then.
   */
  check: (pool: pg.Pool) => Promise<number>
}

const keyOf = (eventId: string) => PREFIX + eventId

/** What `add` writes. Any other value was not written by this service, so the inbox is asked. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const timeOrNull = (value: string | null | undefined): string | null =>
  typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value)) ? value : null

/** Since when every processed event has left its key (ISO 8601). It goes with the keys when a server is emptied. */
export const COMPLETE_SINCE = 'webhook:complete-since'

const nothingKnown = (eventIds: string[]): Looked => ({ times: eventIds.map(() => null), complete: false })

/** For a service without Redis. */
export const noProcessedKeys: ProcessedKeys = {
  find: async (eventIds) => nothingKnown(eventIds),
  add: async () => {},
}

const keyspaceOf = (redis: RedisConnection): Keyspace =>
  redis.isCluster ? onCluster(redis as Cluster) : onServer(redis as Redis)

export const createProcessedKeys = (redis: RedisConnection, onError: (error: Error) => void): CheckedKeys => {
  const keyspace = keyspaceOf(redis)
  let trusted = false
  /** Keys could not be written: what Redis remembers has a gap. */
  let gap = false
  /** A check that began before the last doubt must not end it. */
  let doubts = 0
  /** Of the events whose keys this process wrote. A cluster may lose what {@link ORIGIN} says and keep the keys. */
  let newest: Remembered | undefined
  return {
    find: async (eventIds) => {
      if (!trusted || eventIds.length === 0) return nothingKnown(eventIds)
      try {
        // A cluster is never complete: a master may be emptied, and the one with this key goes on.
        const { values, error } = await keyspace.read([COMPLETE_SINCE, ...eventIds.map(keyOf)])
        if (error !== undefined) onError(error)
        const [since, ...times] = values.map(timeOrNull)
        const complete =
          keyspace.onOneServer && !gap && Date.now() - Date.parse(since ?? '') > EXPIRY_SECONDS * 1_000
        return { times, complete }
      } catch (error) {
        onError(error as Error)
        return nothingKnown(eventIds)
      }
    },
    add: async (provider, events, processedAt) => {
      try {
        for (let from = 0; from < events.length; from += KEYS_AT_ONCE) {
          const some = events.slice(from, from + KEYS_AT_ONCE)
          const { receivedAt, eventId } = some.reduce((a, b) => (b.receivedAt > a.receivedAt ? b : a))
          if (newest === undefined || receivedAt > newest.receivedAt)
            newest = { provider, eventId, receivedAt }
          await keyspace.add(
            some.map((event) => keyOf(event.eventId)),
            {
              processedAt: processedAt.toISOString(),
              arrived: receivedAt.toISOString(),
              provider,
              eventId,
            },
          )
        }
      } catch (error) {
        gap = true
        onError(error as Error)
      }
    },
    distrust: () => {
      trusted = false
      doubts++
    },
    trusted: () => trusted,
    check: async (pool) => {
      const doubtsBefore = doubts
      const { identity, provider, event_id: eventId } = await readOrigin(redis)
      const remembered = [
        ...(provider !== undefined && eventId !== undefined ? [{ provider, eventId }] : []),
        ...(newest === undefined ? [] : [newest]),
      ]
      const { rows } = await pool.query<{ identity: string; known: boolean }>(identify(remembered))
      const [inbox] = rows
      if (inbox === undefined) throw new Error('Postgres did not say which database it is')
      let dropped = 0
      if (inbox.identity !== identity || !inbox.known) {
        trusted = false
        dropped = await drop(redis, keyspace)
        newest = undefined
        await redis.hset(ORIGIN, 'identity', inbox.identity)
      }
      const now = new Date().toISOString()
      if (gap || dropped > 0) await redis.set(COMPLETE_SINCE, now)
      else await redis.set(COMPLETE_SINCE, now, 'NX')
      gap = false
      if (doubts === doubtsBefore) trusted = true
      return dropped
    },
  }
}

/** An event that left its key. */
interface Remembered {
  provider: string
  eventId: string
  receivedAt: Date
}

/** Empty when the key is not there, or holds something that this service did not write. */
const readOrigin = async (redis: RedisConnection): Promise<Record<string, string>> => {
  try {
    return await redis.hgetall(ORIGIN)
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return {}
    throw error
  }
}

/** The control file still has the old one until the first checkpoint after a promotion. A standby has none: 55000. */
const TIMELINE = sql`('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`

/**
 * Every way to bring an older state back changes something here. The system identifier: a dump loaded into another
 * server. The timeline: recovery to a point in time, a standby promoted. The oids: a dump loaded into this server.
 * A copy of the data folder put back changes none of them, but then the newest remembered event is missing.
 */
const identify = (remembered: Pick<Remembered, 'provider' | 'eventId'>[]) => {
  const { provider, eventId } = webhookEvents
  return toStatement(sql`
select concat_ws(':', s.system_identifier, ${TIMELINE}, d.oid, ${getTableName(webhookEvents)}::regclass::oid) as identity,
       not exists (
         select from unnest(${sql.param(remembered.map((event) => event.provider))}::text[],
                            ${sql.param(remembered.map((event) => event.eventId))}::text[]) remembered(provider, id)
         where not exists (
           select from ${webhookEvents} where ${provider} = remembered.provider and ${eventId} = remembered.id
         )
       ) as known
from pg_control_system() s, pg_database d
where d.datname = current_database()`)
}

/** Makes Redis forget every processed event and which inbox they were in. @returns how many events it forgot. */
export const dropProcessedKeys = (redis: RedisConnection): Promise<number> => drop(redis, keyspaceOf(redis))

const drop = async (redis: RedisConnection, keyspace: Keyspace): Promise<number> => {
  // One by one: on a cluster they may be on two masters.
  for (const key of [ORIGIN, COMPLETE_SINCE]) await redis.del(key)
  return keyspace.drop()
}
