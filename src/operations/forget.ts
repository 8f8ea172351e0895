import { and, eq, getTableName, max, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import {
  eventAttempts as a,
  contacts,
  webhookDeliveries as d,
  webhookEvents as e,
  eventChanges,
  inboundMessages as m,
  outreach,
  webhookQueue as q,
  refusedDeliveries,
} from '../db/schema.ts'
import { column, columns, toStatement } from '../db/statement.ts'
import type { Json } from '../db/storable.ts'
import { inTransaction } from '../db/transaction.ts'
import { lockContacts } from '../domain/locks.ts'
import { optOut } from '../domain/opt-out.ts'
import { readAddresses, spellings, withoutTag } from '../mail/addresses.ts'
import { QUEUE_PREFIX } from '../notifications/queue-names.ts'
import { noteChange, type Operator } from './audit.ts'

/** What was removed of one address, in rows. */
export interface Forgotten {
  contacts: number
  messages: number
  payloads: number
  notifications: number
  /** Notes of operators, and errors, that held the address. */
  notes: number
  /** Refused deliveries that held the address. */
  refused: number
  /** Notes of what events changed of the contacts. */
  changes: number
  /** Events that are not yet processed, and notifications being sent, which still hold it. */
  left: number
}

/**
 * Whether a connection may remove people. The service's role may not, since stored deliveries never change otherwise.
 */
export const mayForget = async (pool: pg.Pool): Promise<boolean> => {
  const { rows } = await pool.query<{ may: boolean }>(
    toStatement(sql`select has_table_privilege(${getTableName(d)}, 'update') as may`),
  )
  return rows[0]?.may === true
}

/** Rows of the inbox read in one statement. */
const ROWS = 2_000

/**
 * Removes a person from everything this service keeps: contacts lose address and names, mails from them lose sender and
 * texts, events that hold the address lose their payload, notifications that hold it are deleted.
 *
 * A contact stays as a row without a person, opted out, so that outreach under way does not reach them after all. A
 * hash of the address is not kept: it would be personal data too. Events that are not yet processed are left, since
 * they would be lost: repeat it until nothing is left. Accounts (`users`) and mailboxes belong to other services.
 *
 * Small transactions: when it fails half-way, what is removed stays so; repeat it.
 *
 * @param by who asked for it: kept with the ids of the contacts, without the address.
 * @param onProgress called with the share of the events that were read, 0 to 1; the deliveries are read before.
 */
export const forget = async (
  pool: pg.Pool,
  address: string,
  by: Operator,
  now: Date,
  onProgress: (share: number) => void = () => {},
): Promise<Forgotten> => {
  const person = writingsOf(address)
  const found = await pool.query<{ id: string }>(
    toStatement(sql`select ${contacts.id} from ${contacts} where ${isOneOf(contacts.email, person.names)}`),
  )
  const contactIds = found.rows.map((row) => row.id)
  const subject = contactIds.length === 0 ? null : `contact:${contactIds.join()}`
  const messages = await emptyMessages(pool, person, contactIds)
  const inbox = await emptyPayloads(pool, person.pattern, contactIds)
  const errors = await emptyErrors(pool, person.pattern, onProgress)
  const changes = await deleteChanges(pool, contactIds)
  const jobs = await deleteNotifications(pool, person.pattern)
  const notes = await emptyNotes(pool, person.ways)
  const refused = await deleteRefused(pool, person.pattern)
  // Last, so that the address still leads to what is left if this fails before.
  await anonymise(pool, contactIds, now)
  const affected =
    contactIds.length + messages + inbox.emptied + jobs.deleted + notes + errors + refused + changes
  await noteChange(pool, { action: 'forget', subject, affected }, by, now)
  await emptyNotes(pool, person.ways) // the reason of this very change may name the address
  return {
    contacts: contactIds.length,
    messages,
    payloads: inbox.emptied,
    notifications: jobs.deleted,
    notes: notes + errors,
    refused,
    changes,
    left: inbox.left + jobs.left,
  }
}

const anonymise = async (pool: pg.Pool, ids: string[], now: Date): Promise<void> => {
  if (ids.length === 0) return
  await inTransaction(pool, async (tx) => {
    await lockContacts(tx, ids)
    await optOut({ tx, now }, ids, 'unsubscribed')
    // The service's role may neither change addresses nor what operators wrote: see the functions' own comments.
    await tx.execute(sql`select webhook_forget_contacts(${sql.param(ids)}::bigint[])`)
  })
}

/** Outreach to these contacts. */
const written = (contactIds: string[]) =>
  sql`select ${outreach.id} from ${outreach} where ${outreach.contactId} = any(${sql.param(contactIds)}::bigint[])`

const emptyMessages = async (
  pool: pg.Pool,
  { names, pattern }: Writings,
  contactIds: string[],
): Promise<number> => {
  const emptied = columns(m.fromEmail, m.messageId, m.subject, m.bodyText, m.attachments)
  const { rowCount } = await pool.query(
    toStatement(sql`
      update ${m} set (${emptied}) = (null, null, null, null, null)
      where (${isOneOf(m.fromEmail, names)} or ${m.outreachId} in (${written(contactIds)})
             or concat_ws(' ', ${m.subject}, ${m.bodyText}, ${m.attachments}) ~* ${pattern})
        and (${emptied}) is distinct from (null, null, null, null, null)`),
  )
  return rowCount ?? 0
}

const REMOVED = 'removed with the person it named'

/** @param pattern of the ways the address is written. */
const emptyErrorsAfter = (id: string, pattern: string) =>
  toStatement(sql`
with batch as materialized (
  select ${e.id} from ${e} where ${e.id} > ${id} order by ${e.id} limit ${ROWS}
), emptied as (
  update ${e} set ${column(e.lastError)} = ${REMOVED}
  where ${e.id} in (select id from batch) and ${e.lastError} ~* ${pattern} and ${e.status} <> 'pending'
  returning 1
), attempts as (
  update ${a} set ${column(a.error)} = ${REMOVED}
  where ${a.eventRowId} in (select id from batch) and ${a.error} ~* ${pattern}
  returning 1
)
select (select max(id) from batch) as last,
       (select count(*)::int from emptied) + (select count(*)::int from attempts) as emptied`)

const emptyErrors = async (
  pool: pg.Pool,
  pattern: string,
  onProgress: (share: number) => void,
): Promise<number> => {
  const [newest] = await queryBuilder(pool)
    .select({ id: max(e.id) })
    .from(e)
  const end = Number(newest?.id ?? 0)
  let emptied = 0
  for (let after = '0'; ; ) {
    const { rows } = await pool.query(emptyErrorsAfter(after, pattern))
    if (rows[0].last === null) return emptied
    emptied += rows[0].emptied
    after = rows[0].last
    onProgress(Math.min(1, Number(after) / end))
  }
}

/** Deliveries read at once: each may hold some megabytes. */
const DELIVERIES = 100

interface KeptDelivery {
  id: string
  receivedAt: Date
  provider: string
  body: Buffer
  queued: boolean
}

const deliveriesAfter = (id: string) =>
  toStatement(sql`
select ${d.id}, ${d.receivedAt} as "receivedAt", ${d.provider}, ${d.body},
       exists (select from ${q} where ${q.provider} = ${d.provider} and ${q.deliveryId} = ${d.id}) as queued
from ${d} where ${d.id} > ${id} order by ${d.id} limit ${DELIVERIES}`)

const pendingPositions = ({ id, receivedAt, provider }: KeptDelivery) =>
  toStatement(sql`
select ${e.position} as position from ${e}
where ${e.status} = 'pending' and ${e.provider} = ${provider}
  and ${e.receivedAt} = ${receivedAt} and ${e.deliveryId} = ${id}`)

const mailsAbout = (contactIds: string[]) =>
  toStatement(sql`
select ${e.deliveryId} as id from ${e}
where ${e.provider} = 'mailgun' and ${e.status} <> 'pending' and ${e.deliveryId} is not null
  and ${e.subject} in (select 'outreach:' || id from (${written(contactIds)}) written)`)

/**
 * Replaces the entries that hold the address by null, in place, so that the positions of the others stay. What is in
 * the queue or pending is left, since it would be lost.
 */
const emptyPayloads = async (pool: pg.Pool, written: string, contactIds: string[]) => {
  const total = { emptied: 0, left: 0 }
  const pattern = new RegExp(written, 'i')
  const mails = await pool.query<{ id: string }>(mailsAbout(contactIds))
  const about = new Set(mails.rows.map(({ id }) => id))
  for (let after = '0'; ; ) {
    const { rows } = await pool.query<KeptDelivery>(deliveriesAfter(after))
    const last = rows.at(-1)
    if (last === undefined) return total
    after = last.id
    for (const row of rows) {
      const text = unescaped(row.body.toString('utf8'))
      if (text === 'null' || (!pattern.test(text) && !about.has(row.id))) continue
      if (row.queued) {
        total.left++
        continue
      }
      const { rows: pending } = await pool.query<{ position: number }>(pendingPositions(row))
      const { emptied, left, body } = withoutEntries(
        text,
        new Set(pending.map(({ position }) => position)),
        (entry) => about.has(row.id) || pattern.test(entry),
      )
      total.emptied += emptied
      total.left += left
      if (emptied === 0) continue
      await queryBuilder(pool)
        .update(d)
        .set({ body: Buffer.from(body) })
        .where(and(eq(d.id, BigInt(row.id)), sql`${d.receivedAt} = ${row.receivedAt}`))
    }
  }
}

const withoutEntries = (text: string, kept: Set<number>, holds: (entry: string) => boolean) => {
  const parsed: Json = JSON.parse(text)
  const entries = Array.isArray(parsed) ? parsed : [parsed]
  let emptied = 0
  let left = 0
  const remaining = entries.map((entry, position) => {
    if (entry === null || !holds(JSON.stringify(entry))) return entry
    if (kept.has(position)) {
      left++
      return entry
    }
    emptied++
    return null
  })
  return { emptied, left, body: JSON.stringify(Array.isArray(parsed) ? remaining : remaining[0]) }
}

/** They hold no address, but tell what happened to the person. */
const deleteChanges = async (pool: pg.Pool, contactIds: string[]): Promise<number> => {
  if (contactIds.length === 0) return 0
  const { rowCount } = await pool.query(
    toStatement(sql`
      delete from ${eventChanges} where exists (
        select from jsonb_to_recordset(${eventChanges.changes}) as one("table" text, id text)
        where one."table" = ${getTableName(contacts)} and one.id = any(${sql.param(contactIds)}::text[]))`),
  )
  return rowCount ?? 0
}

const deleteNotifications = async (pool: pg.Pool, pattern: string) => {
  const { rows } = await pool.query(
    `with holding as materialized (
       select name, id, state from pgboss.job
       where starts_with(name, $1) and (data::text ~* $2 or output::text ~* $2)
     ), deleted as (
       delete from pgboss.job j using holding h where j.name = h.name and j.id = h.id and j.state <> 'active' returning 1
     )
     select (select count(*)::int from deleted) as deleted,
            (select count(*)::int from holding where state = 'active') as left`,
    [QUEUE_PREFIX, pattern],
  )
  return { deleted: Number(rows[0]?.deleted ?? 0), left: Number(rows[0]?.left ?? 0) }
}

const emptyNotes = async (pool: pg.Pool, ways: string[]): Promise<number> => {
  const { rows } = await pool.query('select webhook_forget_notes($1::text[]) as notes', [ways])
  return rows[0].notes
}

const deleteRefused = async (pool: pg.Pool, pattern: string): Promise<number> => {
  const { body, headers } = refusedDeliveries
  const { rowCount } = await pool.query(
    toStatement(sql`
      delete from ${refusedDeliveries}
      where encode(${body}, 'escape') ~* ${pattern} or ${headers}::text ~* ${pattern}`),
  )
  return rowCount ?? 0
}

/** JSON whose letters stand as themselves: a provider may write `\u00fc` for `ü`. */
const unescaped = (text: string): string =>
  text.includes('\\u') ? JSON.stringify(JSON.parse(text) as Json) : text

/**
 * The address as matching reads it: without spaces, the final dot of the domain and a plus-tag, and with the domain in
 * every spelling. Mail to `ana+jobs@…` comes to `ana@…`, so both are one person.
 */
const namesOf = (address: string): string[] => {
  const [read] = readAddresses(address)
  return spellings(withoutTag(read?.address || address.trim().toLowerCase()))
}

/** Whether a column holds one of these names, in any spelling. Reads the whole table. */
const isOneOf = (stored: SQLWrapper, names: string[]): SQL =>
  sql`regexp_replace(rtrim(btrim(lower(${stored})), '.'), '^([^+@]+)\\+[^@]*@', '\\1@') = any(${sql.param(names)}::text[])`

/** How an address may be written. */
interface Writings {
  /** In every spelling, without a plus-tag. */
  names: string[]
  /** As it is, and as it stands in a URL. */
  ways: string[]
  /** A regular expression of Postgres and of JavaScript that finds it in a text. */
  pattern: string
}

const writingsOf = (address: string): Writings => {
  const names = namesOf(address)
  const ways = [address, ...names].flatMap((name) => [
    name,
    encodeURIComponent(name),
    name.replace('@', '%40'),
  ])
  return { names, ways: [...new Set(ways)], pattern: patternOf(names) }
}

/** UTF-8 as `encode(…, 'escape')` shows it. */
const inOctal = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`))
    .join('')

/**
 * A pattern for the whole address, also with a plus-tag: `ana@acme.example` is neither in `dana@acme.example` nor in
 * `ana@acme.example.org`.
 */
const patternOf = (names: string[]): string => {
  const anyOf = (texts: string[]) =>
    [...new Set(texts)]
      .map((text) => text.replaceAll(/[^\p{L}\p{N}]/gu, (character) => `\\${character}`))
      .join('|')
  const at = (name: string) => name.lastIndexOf('@')
  const locals = names.map((name) => name.slice(0, at(name)))
  const domains = names.map((name) => name.slice(at(name) + 1))
  const encoded = (texts: string[]) =>
    anyOf(texts.flatMap((text) => [text, encodeURIComponent(text), inOctal(text)]))
  return `(?<![\\w.+-])(${encoded(locals)})((\\+|%2B)[^\\s@"'<>%]*)?(@|%40)(${encoded(domains)})(?![\\w-]|\\.\\w)`
}
