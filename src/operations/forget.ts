import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { inTransaction } from '../db/transaction.ts'
import { lockContacts } from '../domain/locks.ts'
import { optOut } from '../domain/opt-out.ts'
import type { Json } from '../inbox/provider.ts'
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
    `select has_table_privilege('webhook_deliveries', 'update') as may`,
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
 * @param onProgress called with the share of the inbox that is done, 0 to 1.
 */
export const forget = async (
  pool: pg.Pool,
  address: string,
  by: Operator,
  now: Date,
  onProgress: (share: number) => void = () => {},
): Promise<Forgotten> => {
  const found = await pool.query<{ id: string }>('select id from contacts where lower(email) = lower($1)', [
    address,
  ])
  const contactIds = found.rows.map((row) => row.id)
  const subject = contactIds.length === 0 ? null : `contact:${contactIds.join()}`
  const messages = await emptyMessages(pool, address, contactIds)
  const inbox = await emptyPayloads(pool, address, contactIds)
  const errors = await emptyErrors(pool, address, onProgress)
  const changes = await deleteChanges(pool, contactIds)
  const jobs = await deleteNotifications(pool, address)
  const notes = await emptyNotes(pool, address)
  const refused = await deleteRefused(pool, address)
  // Last, so that the address still leads to what is left if this fails before.
  await anonymise(pool, contactIds, now)
  const affected =
    contactIds.length + messages + inbox.emptied + jobs.deleted + notes + errors + refused + changes
  await noteChange(pool, { action: 'forget', subject, affected }, by, now)
  await emptyNotes(pool, address) // the reason of this very change may name the address
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

const emptyMessages = async (pool: pg.Pool, address: string, contactIds: string[]): Promise<number> => {
  const { rowCount } = await pool.query(
    `update inbound_messages
     set from_email = null, message_id = null, subject = null, body_text = null, attachments = null
     where (lower(from_email) = lower($1) or outreach_id in (select id from outreach where contact_id = any($2::bigint[])))
       and (from_email, message_id, subject, body_text, attachments) is distinct from (null, null, null, null, null)`,
    [address, contactIds],
  )
  return rowCount ?? 0
}

/** `$3` is a pattern of the ways the address is written: as it is, and as it stands in a URL. */
const EMPTY_ERRORS = `
with batch as materialized (
  select id from webhook_events where id > $1 order by id limit $2
), emptied as (
  update webhook_events set last_error = 'removed with the person it named'
  where id in (select id from batch) and last_error ~* $3 and status <> 'pending'
  returning 1
), attempts as (
  update event_attempts set error = 'removed with the person it named'
  where event_id in (select id from batch) and error ~* $3
  returning 1
)
select (select max(id) from batch) as last, (select count(*)::int from emptied) + (select count(*)::int from attempts) as emptied`

const emptyErrors = async (
  pool: pg.Pool,
  address: string,
  onProgress: (share: number) => void,
): Promise<number> => {
  const newest = await pool.query<{ id: string | null }>('select max(id) as id from webhook_events')
  const end = Number(newest.rows[0]?.id ?? 0)
  let emptied = 0
  for (let after = '0'; ; ) {
    const { rows } = await pool.query(EMPTY_ERRORS, [after, ROWS, patternOf(address)])
    if (rows[0].last === null) return emptied
    emptied += rows[0].emptied
    after = rows[0].last
    onProgress(Math.min(1, Number(after) / end))
  }
}

/** Deliveries read at once: each may hold some megabytes. */
const DELIVERIES = 100

const READ_DELIVERIES = `
select d.id, d.received_at, d.provider, d.body,
       exists (select from webhook_queue q where q.provider = d.provider and q.delivery_id = d.id) as queued
from webhook_deliveries d where d.id > $1 order by d.id limit $2`

const PENDING_POSITIONS = `
select position from webhook_events
where status = 'pending' and provider = $1 and received_at = $2 and delivery_id = $3`

const MAILS_ABOUT = `
select delivery_id from webhook_events
where provider = 'mailgun' and status <> 'pending' and delivery_id is not null and subject in (
  select 'outreach:' || id from outreach where contact_id = any($1::bigint[]))`

/**
 * Replaces the entries that hold the address by null, in place, so that the positions of the others stay. What is in
 * the queue or pending is left, since it would be lost.
 */
const emptyPayloads = async (pool: pg.Pool, address: string, contactIds: string[]) => {
  const total = { emptied: 0, left: 0 }
  const pattern = new RegExp(patternOf(address), 'i')
  const mails = await pool.query<{ delivery_id: string }>(MAILS_ABOUT, [contactIds])
  const about = new Set(mails.rows.map((row) => row.delivery_id))
  for (let after = '0'; ; ) {
    const { rows } = await pool.query(READ_DELIVERIES, [after, DELIVERIES])
    if (rows.length === 0) return total
    after = rows.at(-1)?.id
    for (const row of rows) {
      const text: string = row.body.toString('utf8')
      if (text === 'null' || (!pattern.test(text) && !about.has(row.id))) continue
      if (row.queued) {
        total.left++
        continue
      }
      const { rows: pending } = await pool.query(PENDING_POSITIONS, [row.provider, row.received_at, row.id])
      const kept = new Set<number>(pending.map(({ position }) => position))
      const { emptied, left, body } = withoutEntries(
        text,
        kept,
        (entry) => about.has(row.id) || pattern.test(entry),
      )
      total.emptied += emptied
      total.left += left
      if (emptied === 0) continue
      await pool.query('update webhook_deliveries set body = $3 where id = $1 and received_at = $2', [
        row.id,
        row.received_at,
        Buffer.from(body),
      ])
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
    `delete from event_changes where exists (
       select from jsonb_to_recordset(changes) as one("table" text, id text)
       where one."table" = 'contacts' and one.id = any($1::text[]))`,
    [contactIds],
  )
  return rowCount ?? 0
}

const deleteNotifications = async (pool: pg.Pool, address: string) => {
  const { rows } = await pool.query(
    `with holding as materialized (
       select name, id, state from pgboss.job
       where starts_with(name, $1) and (data::text ~* $2 or output::text ~* $2)
     ), deleted as (
       delete from pgboss.job j using holding h where j.name = h.name and j.id = h.id and j.state <> 'active' returning 1
     )
     select (select count(*)::int from deleted) as deleted,
            (select count(*)::int from holding where state = 'active') as left`,
    [QUEUE_PREFIX, patternOf(address)],
  )
  return { deleted: Number(rows[0]?.deleted ?? 0), left: Number(rows[0]?.left ?? 0) }
}

const emptyNotes = async (pool: pg.Pool, address: string): Promise<number> => {
  const { rows } = await pool.query('select webhook_forget_notes($1::text[]) as notes', [waysOf(address)])
  return rows[0].notes
}

const deleteRefused = async (pool: pg.Pool, address: string): Promise<number> => {
  const { rowCount } = await pool.query(
    `delete from refused_deliveries where encode(body, 'escape') ~* $1 or headers::text ~* $1`,
    [patternOf(address)],
  )
  return rowCount ?? 0
}

/** How it may be written: as it is, and as it stands in a URL. */
const waysOf = (address: string): string[] => [
  ...new Set([address, encodeURIComponent(address), address.replace('@', '%40')]),
]

/** The address as a whole: `ana@acme.example` is neither in `dana@acme.example` nor in `ana@acme.example.org`. */
const patternOf = (address: string): string => {
  const quoted = (text: string) => text.replaceAll(/[^\p{L}\p{N}]/gu, (character) => `\\${character}`)
  return `(?<![\\w.+-])(${waysOf(address).map(quoted).join('|')})(?![\\w-]|\\.\\w)`
}
