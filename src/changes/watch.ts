import { sql } from 'drizzle-orm'
import type pg from 'pg'
import type { RowChange } from '../db/row-change.ts'
import { eventChanges } from '../db/schema.ts'
import { columns, statement } from '../db/statement.ts'
import type { Json } from '../db/storable.ts'
import { type RowOfEvent, readWatched, type WatchedKind, type WatchedRow } from './watched.ts'

const q = sql.placeholder

const KEEP = statement<'rows' | 'now'>(
  'inbox_keep_changes',
  sql`
insert into ${eventChanges} (${columns(eventChanges.eventRowId, eventChanges.changedAt, eventChanges.changes)})
select "rowId", ${q('now')}, changes from json_to_recordset(${q('rows')}::json) as v("rowId" bigint, changes jsonb)`,
)

/**
 * Notes what the events of one transaction change: their rows are read when handlers have locked them, and again at the
 * end; what differs is kept. Two reads and a write for a batch, however large it is.
 */
export const createWatch = (client: pg.ClientBase) => {
  const before = new Map<string, WatchedRow>()
  const eventsOf = new Map<string, Set<string>>()
  const ids = new Map<WatchedKind, Set<string>>()

  const read = async (kinds: ReadonlyMap<WatchedKind, ReadonlySet<string>>): Promise<WatchedRow[]> =>
    (await client.query<WatchedRow>(readWatched(kinds))).rows

  return {
    /** The rows that events are about, which are about to be changed. */
    about: async (rows: RowOfEvent[]): Promise<void> => {
      const fresh = new Map<WatchedKind, Set<string>>()
      for (const { event, kind, id } of rows) {
        const about = `${kind}:${id}`
        const events = eventsOf.get(about)
        if (events !== undefined) {
          events.add(event.rowId)
          continue
        }
        eventsOf.set(about, new Set([event.rowId]))
        addTo(fresh, kind, id)
        addTo(ids, kind, id)
      }
      if (fresh.size === 0) return
      for (const row of await read(fresh)) before.set(keyOf(row), row)
    },
    /** Keeps what differs now. */
    keep: async (now: Date): Promise<void> => {
      if (ids.size === 0) return
      const changes = new Map<string, RowChange[]>()
      for (const row of await read(ids)) {
        const was = before.get(keyOf(row))
        if (was?.state === row.state) continue
        const events = eventsOf.get(row.about) ?? new Set()
        const change = {
          table: row.table,
          id: row.id,
          ...differing(was?.state, row.state),
          events: events.size,
        }
        for (const id of events) changes.set(id, [...(changes.get(id) ?? []), change])
      }
      if (changes.size === 0) return
      const kept = [...changes].map(([rowId, of]) => ({ rowId, changes: of }))
      await client.query(KEEP({ rows: JSON.stringify(kept), now }))
    },
  }
}

const keyOf = ({ table, id }: WatchedRow): string => `${table}:${id}`

const addTo = (sets: Map<WatchedKind, Set<string>>, kind: WatchedKind, id: string): void => {
  const set = sets.get(kind)
  if (set === undefined) sets.set(kind, new Set([id]))
  else set.add(id)
}

/** The columns that differ. A row that is new has an empty `before`. */
const differing = (was: string | undefined, is: string): Pick<RowChange, 'before' | 'after'> => {
  const old: Record<string, Json> = was === undefined ? {} : JSON.parse(was)
  const now: Record<string, Json> = JSON.parse(is)
  const changed = Object.keys(now).filter(
    (name) => old[name] !== now[name] && (was !== undefined || now[name] !== null),
  )
  const only = (of: Record<string, Json>) =>
    Object.fromEntries(changed.flatMap((name) => (name in of ? [[name, of[name] ?? null]] : [])))
  return { before: only(old), after: only(now) }
}
