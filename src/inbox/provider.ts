import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { RowOfEvent } from '../changes/watched.ts'
import type { Json } from '../db/storable.ts'
import type { Transaction } from '../db/transaction.ts'
import type { Page } from '../notifications/pages.ts'
import type { Notification } from '../notifications/queues.ts'

/** One HTTP POST from a provider, read but not yet verified. */
export interface Delivery<Body> {
  body: Body
  headers: IncomingHttpHeaders
  receivedAt: Date
}

/** How a delivery came: signed by its provider, or fetched from the provider's API with our key. */
export type DeliverySource = 'delivery' | 'catch-up'

/** What identifies an event. Read its members, do not spread it: they may be computed. */
export interface Identity {
  /** The provider's own id, at most 200 characters (see `limitId`). */
  eventId: string
  /** SHA-256 (hex) of what identifies the fact even when the provider re-issues its ids. */
  dedupeKey: string
}

/** A delivery that was verified: what is kept of it, and which facts are in it. */
export interface Verified {
  /** Kept in `webhook_deliveries`; `read` makes events with the same identities of it. */
  body: Buffer
  /**
   * The first of each event. Identities only, because they stay in memory until the delivery is stored; a single event may
   * be passed whole.
   */
  events: Identity[]
  /** How many further entries are copies of these: equal in either identity. None by default. */
  copies?: number
}

/** A delivery as it is kept. */
export interface KeptDelivery {
  body: Buffer
  receivedAt: Date
  /** Of providers that send one event per delivery: its identity, which the body need not hold. */
  eventId: string | null
  dedupeKey: string | null
}

/** A delivery as it was captured. */
export interface Capture {
  /** Names in lower case; of several with one name the last. */
  headers: Record<string, string>
  body: Buffer
}

/** A captured delivery's signature, readable but not yet checked. */
export interface ReadSignature {
  /** Unix seconds, as signed. */
  signedAt: number
  /** How long it is fresh, in seconds. */
  maxAge: number
  /** Whether the body is signed too, so that a change of it shows. */
  coversBody: boolean
  /** The keys to try. */
  keys: number
  /** Whether the key of this number (from 0) made the signature, if the body was this one. */
  madeBy: (key: number, body: Buffer) => boolean
  /** How the provider writes a JSON body, where that is not what `JSON.stringify` gives. */
  write?: (value: unknown) => string | undefined
}

/** Why a signature cannot be read at all. */
export interface Unreadable {
  malformed: string
}

/** One verified fact. */
export interface IncomingEvent extends Identity {
  eventType: string
  /** What the event is about, to find it again: `outreach:123`, `customer:cus_…`, `mailbox:a@b`. */
  subject: string | null
  /** What handlers read; its texts are what Postgres takes (see `storable`). */
  payload: Json
  occurredAt: Date
  /** Set when it cannot be stored as it came: it ends `skipped` or `dead` with this reason. */
  unusable?: string
}

/** An event that handlers are given. */
export interface ClaimedEvent {
  /** The row's id in `webhook_events`. */
  rowId: string
  eventId: string
  eventType: string
  /** Null: it was deleted. */
  payload: Json
  receivedAt: Date
  waitingSince: Date | null
  /** Attempts begun, this one included. */
  attempts: number
}

/** What a handler is given besides its events. Nothing requested here happens unless the transaction commits. */
export interface Batch {
  tx: Transaction
  now: Date
  /** Logged after the commit; `event` adds the provider, the type and the event id. */
  log: (level: 'info' | 'warn' | 'fatal', message: string, event: ClaimedEvent, details?: LogDetails) => void
  notify: (notification: Notification) => void
  /**
   * Names the rows that the events are about. Call it once they are locked and before the first is changed. Undefined
   * unless changes are kept.
   */
  about?: (rows: RowOfEvent[]) => Promise<void>
  /** The event needs a row that is not there yet: it comes back later, for as long as the provider allows. */
  wait: (event: ClaimedEvent, missing: string, details?: LogDetails) => void
  /** The event cannot be applied: kept, never tried again, except that a redelivery revives a `revivable` one. */
  skip: (event: ClaimedEvent, reason: string, options?: SkipOptions) => void
  /** The event does not concern RoleFerry: kept as `ignored`. */
  ignore: (event: ClaimedEvent) => void
  /**
   * No rule understands the event, or not all of it: it is marked and counted, and there is one warning and one alert per
   * cause. It does not end the event: call `skip` as well when it cannot be applied. A replay gives it to its handler
   * again, also when it was processed: then the handler must be one that may apply it twice.
   */
  misunderstood: (event: ClaimedEvent, why: Misunderstanding) => void
}

interface SkipOptions {
  revivable?: boolean
  details?: LogDetails
  /** Frequent: log one line a minute with the number skipped for this reason, not one line each. */
  counted?: boolean
}

/** Why an event was not understood (promise 8): the tag of the metric `misunderstood`. */
export type MisunderstandingReason = 'unknown_type' | 'missing_field' | 'unknown_price' | 'unknown_status'

/** What a person should know about an event that no rule understands. */
export interface Misunderstanding {
  reason: MisunderstandingReason
  /** An event type, a price id, a status or a field: there is one alert per provider, reason and cause. */
  cause: string
  /** Kept with the event and sent to Slack, so it holds no address and nothing of the body but the cause. */
  text: string
  /** The channel that is alerted: `ops`, or `billing` when it is about money. */
  channel?: 'ops' | 'billing'
  /** The runbook that the alert names, where there is a special one. */
  page?: Page
  /** `day` repeats the alert once a day (UTC) while the cause lasts; otherwise there is one alert. */
  again?: 'day'
}

/** Ids and numbers only: never a payload, an address or a key. */
export type LogDetails = Record<string, string | number | bigint | boolean | null>

/** Everything the service knows about one provider. The inbox calls it; it never calls the inbox. */
export interface Provider<Body = unknown> {
  /** As in `webhook_events.provider`. */
  name: string
  path: `/webhooks/${string}`
  /** Bytes of a body that is read whole. More is a 413. */
  bodyLimit: number
  /** Media types it posts; any other is a 415. */
  mediaTypes: string[]
  /** Adds its own body parsers to its own scope; the default keeps a body's bytes as a Buffer. */
  readBodies?: (scope: FastifyInstance) => void
  /** False while its key is missing: the route answers 503, since that is our fault. */
  configured: boolean
  /** Refuses what can be refused by the headers alone, before the body is read. @throws {Refusal} */
  precheck?: (headers: IncomingHttpHeaders) => void
  /**
   * The one way from bytes to events, so that an unverified event cannot be held.
   * @throws {Refusal} when the signature, the time or the form is wrong.
   */
  verify(delivery: Delivery<Body>): Verified
  /** Reads a kept delivery: the same events in the same order as when it was verified. */
  read: (delivery: KeptDelivery) => IncomingEvent[]
  /** Reads the signature of a refused delivery, to find out why it does not verify. */
  readSignature(delivery: { body: Body; headers: Capture['headers'] }): ReadSignature | Unreadable
  /** Removes from the start of a body what must never be stored, even when the delivery was refused. */
  withoutSecrets?: (start: Buffer, headers: Capture['headers']) => Buffer
  /** The event types `handle` applies; any other is stored `ignored`. */
  handles: (eventType: string) => boolean
  /**
   * The event types it is known to send: those that are handled, and those that are ignored on purpose. Any other is
   * `ignored`, too, but reported as misunderstood; in the metrics its tag is `other`.
   */
  eventTypes: ReadonlySet<string>
  /** Called first for each event, also for types that no rule handles: for remarks that apply to any event. */
  remark?: (event: ClaimedEvent, batch: Batch) => void
  /** Why an event has no type at all; undefined when it has one. It ends `skipped`, and is reported. */
  whyTypeless?: (event: Pick<ClaimedEvent, 'eventType' | 'payload'>) => string | undefined
  /** Applies claimed events of the handled types, in one transaction. Throwing undoes it all. */
  handle: (events: ClaimedEvent[], batch: Batch) => Promise<void>
  /** Settings of the transactions in which its events are applied, as SQL. */
  settings?: string
  /** How long an event may wait for a row, in milliseconds. */
  waitLimit: number
  /**
   * Events in one transaction. A delivery that starts within this number is taken whole, unless it alone holds more.
   */
  batchSize: number
  /** Batches under way at once in one process, while there is a backlog. */
  workers: number
  /** Whether its deliveries hold one event each, whose identity is kept with the delivery. */
  singleEvents?: boolean
  /**
   * The signature covers the event id alone, so an id seen before with another message is a replayed signature (401).
   */
  signsOnlyEventId?: boolean
  /**
   * Redis alone may say that an event was seen before. A person who can write to Redis can then make an event
   * vanish, so providers of payments and replies do not set it.
   */
  redisMayAnswer?: boolean
}
