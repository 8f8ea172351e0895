import {
  canonicalJson,
  isSuspect,
  type Json,
  limitId,
  sha256,
  storable,
  storableText,
} from '../../db/storable.ts'
import { idInMessageId, usableId } from '../../domain/outreach-id.ts'
import { costlyShape, MAX_LEVELS, MAX_VALUES } from '../../inbox/admission/json-shape.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { ClaimedEvent, Identity, IncomingEvent, Verified } from '../../inbox/provider.ts'

/**
 * The fields of an event that the rules use. SendGrid puts a sender's custom args at the top level, beside its own
 * fields.
 */
export interface EventFields {
  /** A usable outreach id, from the custom arg `outreach_id` or from `outreach_{id}@` in `smtp-id`. */
  outreachId: string | undefined
  /** The Message-ID as it stands in the mail's header, with its angle brackets. */
  smtpId: string | undefined
  /** When it happened; the time of arrival when SendGrid's timestamp is unusable. */
  at: Date
  /** The part of `sg_message_id` that all events of one mail share: what stands before the first dot. */
  mailId: string | undefined
  /** The address that the event is about. */
  email: string | undefined
  /** For a bounce, `bounce` (permanent) or `blocked` (not the contact's fault). For an account, its new status. */
  type: string | undefined
  /** For a dropped mail, the list that the address is on, or another reason. */
  reason: string | undefined
}

const EXPECTED = 'Expected a JSON array of events'
const MAX_TYPE_LENGTH = 100
/** RFC 5322 limits a line to 998 bytes, and Postgres an indexed text to 2,704. */
const MAX_MESSAGE_ID_BYTES = 998

const indexable = (value: string | undefined): string | undefined =>
  value === undefined || value === '' || Buffer.byteLength(value) > MAX_MESSAGE_ID_BYTES ? undefined : value

/** SendGrid posts at 768 KB, some thousand events. */
const MAX_EVENTS = 20_000

/** Reads a verified body. Every entry of the array becomes an event. @throws as {@link readIdentities} does */
export const readEvents = (body: Buffer, receivedAt: Date): IncomingEvent[] => {
  const { entries, suspect } = entriesOf(body)
  return entries.map((entry) => readEntry(entry, suspect ? storable(entry) : entry, receivedAt))
}

/**
 * The identities of the events in a verified body, in order.
 * @throws {Refusal} `malformed` when the body is not a JSON array, `too_large` when reading it would block other
 * deliveries for too long.
 */
export const readIdentities = (body: Buffer): Pick<Verified, 'events' | 'copies'> => {
  const { entries } = entriesOf(body)
  const identities = entries.map(identify)
  const events = firstOfEach(entries, identities)
  return { events, copies: identities.length - events.length }
}

/** The first of each event: a delivery may hold copies. */
const firstOfEach = (entries: Json[], identities: Identity[]): Identity[] => {
  const ids = new Set(identities.map(({ eventId }) => eventId))
  // Keys are hashed only when the texts leave it open.
  if (ids.size === entries.length && new Set(entries.map(roughly)).size === entries.length) return identities
  ids.clear()
  const keys = new Set<string>()
  return identities.filter(({ eventId, dedupeKey }) => {
    const isCopy = ids.has(eventId) || keys.has(dedupeKey)
    ids.add(eventId)
    keys.add(dedupeKey)
    return !isCopy
  })
}

const entriesOf = (body: Buffer): { entries: Json[]; suspect: boolean } => {
  const costly = costlyShape(body)
  if (costly === 'levels') {
    throw new Refusal('malformed', `${EXPECTED}, not one nested ${MAX_LEVELS} levels deep`)
  }
  if (costly === 'values') throw tooMany('values', MAX_VALUES)
  const text = body.toString('utf8')
  const entries = parse(text)
  if (!Array.isArray(entries)) throw new Refusal('malformed', EXPECTED)
  if (entries.length > MAX_EVENTS) throw tooMany('events', MAX_EVENTS)
  return { entries, suspect: isSuspect(text) }
}

const tooMany = (what: string, most: number) =>
  new Refusal('too_large', `Too many ${what} in one delivery, at most ${most}`)

/**
 * An id above 2^53 written as a number would be rounded to another outreach's: it is read as its digits. In a string
 * the name ends with an escaped quote, which does not match. (A reviver would cost 25 times as much.)
 */
const LONG_OUTREACH_ID = /("outreach_id"\s*:\s*)([1-9]\d{15,})(?=\s*[,}])/g

const parse = (text: string): Json => {
  try {
    return JSON.parse(text.replace(LONG_OUTREACH_ID, '$1"$2"'))
  } catch {
    throw new Refusal('malformed', EXPECTED)
  }
}

/** The type under which entries without one are kept. */
const NO_TYPE = 'invalid'

/** Why a stored entry has no type; undefined when it has one, even if that is {@link NO_TYPE}. */
export const whyTypeless = ({ eventType, payload }: Pick<ClaimedEvent, 'eventType' | 'payload'>) => {
  if (eventType !== NO_TYPE) return undefined
  if (!isRecord(payload)) return 'the entry is not an object'
  return text(payload.event) === undefined ? 'the entry has no usable "event"' : undefined
}

const identify = (entry: Json): Identity => {
  const fact = factOf(entry)
  const id = idOf(entry)
  if (id !== undefined) return new LazyIdentity(limitId(id), fact)
  const dedupeKey = keyOf(fact)
  return { eventId: dedupeKey, dedupeKey }
}

/**
 * Hashes the key when it is asked for: to accept a delivery it is hardly ever needed. A class, because a getter in an
 * object literal takes 360 bytes more, and a thousand of these wait at once.
 */
class LazyIdentity implements Identity {
  readonly eventId: string
  readonly #fact: Json
  constructor(eventId: string, fact: Json) {
    this.eventId = eventId
    this.#fact = fact
  }
  get dedupeKey(): string {
    return keyOf(this.#fact)
  }
}

const idOf = (entry: Json): string | undefined => (isRecord(entry) ? text(entry.sg_event_id) : undefined)

const readEntry = (entry: Json, payload: Json, receivedAt: Date): IncomingEvent => {
  const { eventId, dedupeKey } = identify(entry)
  if (!isRecord(entry)) {
    return { eventId, dedupeKey, eventType: NO_TYPE, subject: null, payload, occurredAt: receivedAt }
  }
  const type = text(entry.event)
  const outreachId = outreachIdOf(entry)
  return {
    eventId,
    dedupeKey,
    eventType: type === undefined ? NO_TYPE : storableText(type, MAX_TYPE_LENGTH),
    subject: outreachId === undefined ? null : `outreach:${outreachId}`,
    payload: isRecord(payload) ? (whatRulesRead(payload) as Json) : payload,
    occurredAt: eventTime(entry.timestamp, receivedAt),
  }
}

/** The rest of an event is dropped at once: every garbage collection copies what a batch still holds. */
const whatRulesRead = ({
  email,
  event,
  outreach_id,
  reason,
  sg_message_id,
  'smtp-id': smtpId,
  timestamp,
  type,
}: JsonObject) => ({ email, event, outreach_id, reason, sg_message_id, 'smtp-id': smtpId, timestamp, type })

/** A rule that reads another member does not compile. */
type WhatRulesRead = Partial<ReturnType<typeof whatRulesRead>>

/** What identifies a fact: SendGrid may re-issue it under another `sg_event_id` (sendgrid-nodejs issue 1435). */
const factOf = (entry: Json): Json => {
  if (!isRecord(entry)) return entry
  if (namesMail(entry)) {
    const { attempt, email, event, sg_message_id, timestamp, url, url_offset } = entry
    // Sorted; a member that is missing is left out of the text.
    return { attempt, email, event, sg_message_id, timestamp, url, url_offset } as Json
  }
  const id = idOf(entry)
  return id === undefined ? entry : { sg_event_id: id }
}

const namesMail = ({ sg_message_id: id }: JsonObject): boolean => id !== undefined && id !== null && id !== ''

const keyOf = (fact: Json): string => {
  // Without nested members `JSON.stringify` gives the same text in a fraction of the time.
  const isFlat = isRecord(fact) && namesMail(fact) && !Object.values(fact).some(isNested)
  return sha256(isFlat ? JSON.stringify(fact) : canonicalJson(fact))
}

/** A text that differs only between entries with different dedupe keys. */
const roughly = (entry: Json): string => {
  if (!isRecord(entry) || !namesMail(entry)) return idOf(entry) ?? ''
  const { email, event, sg_message_id, timestamp, url } = entry
  return [email, event, sg_message_id, timestamp, url]
    .map((value) => (isNested(value) ? '' : value))
    .join(' ')
}

/** Reads the fields that the rules use from a stored event. */
export const fieldsOf = (event: ClaimedEvent): EventFields =>
  readFields(isRecord(event.payload) ? event.payload : {}, event.receivedAt)

const outreachIdOf = (entry: WhatRulesRead): string | undefined =>
  usableId(entry.outreach_id) ?? idInMessageId(text(entry['smtp-id']) ?? '')

const readFields = (entry: WhatRulesRead, receivedAt: Date): EventFields => ({
  outreachId: outreachIdOf(entry),
  smtpId: indexable(text(entry['smtp-id'])),
  at: eventTime(entry.timestamp, receivedAt),
  mailId: indexable(text(entry.sg_message_id)?.split('.', 1)[0]),
  email: words(entry.email),
  type: words(entry.type),
  reason: words(entry.reason),
})

const EARLIEST = Date.UTC(2010, 0)
const DAY = 86_400_000

/** `timestamp` in seconds, or in milliseconds when above 1e11; nonsense is the time of arrival. */
const eventTime = (value: Json | undefined, receivedAt: Date): Date => {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) return receivedAt
  const at = Math.trunc(number > 1e11 ? number : number * 1_000)
  return at < EARLIEST || at > receivedAt.getTime() + DAY ? receivedAt : new Date(at)
}

type JsonObject = { [key: string]: Json }

const isNested = (value: Json | undefined): boolean => typeof value === 'object' && value !== null

const isRecord = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A non-empty string, or a number as text. Storable, since rules may write it to a column. */
const text = (value: Json | undefined): string | undefined => {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? storableText(value) : undefined
}

/** A text without the white space around it; undefined when nothing is left. */
const words = (value: Json | undefined): string | undefined => text(value)?.trim() || undefined
