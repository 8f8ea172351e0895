import { idInMessageId, usableId } from '../../domain/outreach-id.ts'
import { costlyShape, MOST_LEVELS, MOST_VALUES } from '../../inbox/admission/json-shape.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { ClaimedEvent, IncomingEvent, Json } from '../../inbox/provider.ts'
import {
  canonicalJson,
  canonicalMembers,
  isSuspect,
  limitId,
  sha256,
  storable,
  storableText,
} from '../../inbox/storable.ts'

/** What of an event the rules use. SendGrid puts a sender's custom args at the top level, beside its own fields. */
export interface EventFields {
  /** A usable outreach id, from the custom arg `outreach_id` or from `outreach_{id}@` in `smtp-id`. */
  outreachId: string | undefined
  /** The Message-ID as it stands in the mail's header, with its angle brackets. */
  smtpId: string | undefined
  /** When it happened; the time of arrival when SendGrid's timestamp is unusable. */
  at: Date
  /** Of a bounce: `bounce` (for good) or `blocked` (not the contact's fault). */
  type: string | undefined
}

const EXPECTED = 'Expected a JSON array of events'
const MAX_TYPE_LENGTH = 100
/** RFC 5322 limits a line to 998 bytes, and Postgres an indexed text to 2,704. */
const MAX_MESSAGE_ID_BYTES = 998

/** SendGrid posts at 768 KB, some thousand events. */
const MAX_EVENTS = 20_000

/**
 * Reads a verified body. Every entry of the array becomes an event; one that no handler can use says why.
 * @throws {Refusal} `malformed` when the body is not a JSON array, `too_large` when it holds more than can be read
 * while others wait.
 */
export const readEvents = (body: Buffer, receivedAt: Date): IncomingEvent[] => {
  const costly = costlyShape(body)
  if (costly === 'levels') {
    throw new Refusal('malformed', `${EXPECTED}, not one nested ${MOST_LEVELS} levels deep`)
  }
  if (costly === 'values') throw tooMany('values', MOST_VALUES)
  const text = body.toString('utf8')
  const suspect = isSuspect(text)
  const entries = parse(text)
  if (!Array.isArray(entries)) throw new Refusal('malformed', EXPECTED)
  if (entries.length > MAX_EVENTS) throw tooMany('events', MAX_EVENTS)
  return entries.map((entry) => readEntry(entry, suspect ? storable(entry) : entry, receivedAt))
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

const readEntry = (entry: Json, payload: Json, receivedAt: Date): IncomingEvent => {
  if (!isRecord(entry)) {
    const dedupeKey = sha256(canonicalJson(entry))
    const common = { eventId: dedupeKey, dedupeKey, subject: null, payload, occurredAt: receivedAt }
    return { ...common, eventType: 'invalid', unusable: 'the entry is not an object' }
  }
  const dedupeKey = sha256(identity(entry))
  const type = text(entry.event)
  const { outreachId, at } = readFields(entry, receivedAt)
  return {
    eventId: limitId(text(entry.sg_event_id) ?? dedupeKey),
    dedupeKey,
    eventType: type === undefined ? 'invalid' : storableText(type, MAX_TYPE_LENGTH),
    subject: outreachId === undefined ? null : `outreach:${outreachId}`,
    payload,
    occurredAt: at,
    ...(type === undefined ? { unusable: 'the entry has no usable "event"' } : {}),
  }
}

/** The members that make a fact one, sorted. */
const IDENTITY = ['attempt', 'email', 'event', 'sg_message_id', 'timestamp', 'url', 'url_offset']

/** SendGrid may re-issue a fact under another `sg_event_id` (sendgrid-nodejs issue 1435). */
const identity = (entry: { [key: string]: Json }): string => {
  const { sg_message_id } = entry
  if (sg_message_id !== undefined && sg_message_id !== null && sg_message_id !== '') {
    return canonicalMembers(entry, IDENTITY)
  }
  const id = text(entry.sg_event_id)
  return canonicalJson(id === undefined ? entry : { sg_event_id: id })
}

/** Reads what the rules use of a stored event. */
export const fieldsOf = (event: ClaimedEvent): EventFields =>
  readFields(isRecord(event.payload) ? event.payload : {}, event.receivedAt)

const readFields = (entry: { [key: string]: Json }, receivedAt: Date): EventFields => {
  const smtpId = text(entry['smtp-id'])
  return {
    outreachId: usableId(entry.outreach_id) ?? idInMessageId(smtpId ?? ''),
    smtpId: smtpId === undefined || Buffer.byteLength(smtpId) > MAX_MESSAGE_ID_BYTES ? undefined : smtpId,
    at: eventTime(entry.timestamp, receivedAt),
    type: text(entry.type),
  }
}

const EARLIEST = Date.UTC(2010, 0)
const DAY = 86_400_000

/** `timestamp` in seconds, or in milliseconds when above 1e11; nonsense is the time of arrival. */
const eventTime = (value: Json | undefined, receivedAt: Date): Date => {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) return receivedAt
  const at = Math.trunc(number > 1e11 ? number : number * 1_000)
  return at < EARLIEST || at > receivedAt.getTime() + DAY ? receivedAt : new Date(at)
}

const isRecord = (value: Json): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A non-empty string, or a number as text. Storable, since rules may write it to a column. */
const text = (value: Json | undefined): string | undefined => {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? storableText(value) : undefined
}
