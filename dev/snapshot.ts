import type pg from 'pg'

/** Rows by name, as text, so that two moments can be compared. */
export type Snapshot = Map<string, Record<string, string>>

/** The tables a delivery can change, and how a row of each is called. */
const TABLES: { table: string; name: string; from?: string }[] = [
  { table: 'outreach', name: `'outreach ' || id` },
  { table: 'contacts', name: `'contact ' || first_name` },
  { table: 'mailboxes', name: `'mailbox ' || email` },
  { table: 'sequence_steps', name: `'step ' || position || ' of outreach ' || outreach_id` },
  { table: 'applications', name: `'application ' || id` },
  { table: 'users', name: `'user ' || email` },
  { table: 'subscriptions', name: `'subscription ' || id` },
  { table: 'credit_grants', name: `'grant ' || grant_key` },
  { table: 'inbound_messages', name: `'mail ' || id` },
]

/** Columns that do not interest a reader, or that differ in every run. */
const UNTOLD = new Set([
  'id',
  'message_id_seen_at',
  'sg_message_id_seen_at',
  'opted_out_at',
  'granted_at',
  'received_at',
  'last_event_at',
  'body_text',
  'recipient',
  'inbound_messages.message_id',
])

/** All domain rows and all requested notifications, now. */
export const takeSnapshot = async (db: pg.Pool): Promise<Snapshot> => {
  const snapshot: Snapshot = new Map()
  for (const { table, name } of TABLES) {
    const { rows } = await db.query(
      `select ${name} as name, to_jsonb(t) as columns from ${table} t order by id`,
    )
    for (const row of rows) {
      const columns = Object.entries(row.columns as Record<string, unknown>)
        .filter(([column]) => !UNTOLD.has(column) && !UNTOLD.has(`${table}.${column}`))
        .map(([column, value]) => [column, typeof value === 'string' ? value : JSON.stringify(value)])
      snapshot.set(row.name, Object.fromEntries(columns))
    }
  }
  const { rows: jobs } = await db.query(
    `select id, name, data -> 'data' as data from pgboss.job where name like 'notify-%' order by created_on`,
  )
  for (const { id, name, data } of jobs) {
    const channel = String(name).replace('notify-', '')
    const text = data.text ?? [data.template, data.title, data.body].filter(Boolean).join(': ')
    snapshot.set(`${channel} (${id})`, { sent: text })
  }
  return snapshot
}

/** What differs between two moments, a line each: `outreach 1: status sent -> delivered`. */
export const changes = (before: Snapshot, after: Snapshot): string[] => {
  const lines: string[] = []
  for (const [name, columns] of after) {
    const old = before.get(name)
    const changed = Object.entries(columns).filter(([column, value]) => old?.[column] !== value)
    if (changed.length === 0) continue
    if (old === undefined) {
      const told = changed
        .filter(([, value]) => value !== 'null')
        .map(([column, value]) => `${column} ${value}`)
      lines.push(`+ ${name.replace(/ \([\da-f-]+\)$/, '')}: ${told.join(', ').replace(/^sent /, '')}`)
    } else {
      lines.push(
        `${name}: ${changed.map(([column, value]) => `${column} ${old[column]} -> ${value}`).join(', ')}`,
      )
    }
  }
  return lines
}
