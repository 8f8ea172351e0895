import { type AnyColumn, getTableName, type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import {
  applications,
  contacts,
  mailboxes,
  outreach,
  sequenceSteps,
  subscriptions,
  users,
} from '../db/schema.ts'
import { columnName, plainArray, statement } from '../db/statement.ts'

/** A kind of row that an event can be about. */
export type WatchedKind = 'outreach' | 'contacts' | 'mailboxes' | 'applications' | 'users'

/** A row that an event is about, and may change. */
export interface RowOfEvent {
  event: { rowId: string }
  kind: WatchedKind
  id: string
}

interface Watched {
  table: PgTable & { id: AnyColumn }
  /** The kind of row they belong to: themselves, or the outreach or user they are part of. */
  of: WatchedKind
  owner: AnyColumn
  /** The columns that are watched. None holds an address, a name or a text of a person. */
  columns: AnyColumn[]
}

const WATCHED: Watched[] = [
  {
    table: outreach,
    of: 'outreach',
    owner: outreach.id,
    columns: [
      outreach.status,
      outreach.deliveredAt,
      outreach.clickedAt,
      outreach.repliedAt,
      outreach.linkClicks,
      outreach.messageId,
      outreach.sgMessageId,
    ],
  },
  {
    table: sequenceSteps,
    of: 'outreach',
    owner: sequenceSteps.outreachId,
    columns: [sequenceSteps.status, sequenceSteps.cancelledReason],
  },
  {
    table: contacts,
    of: 'contacts',
    owner: contacts.id,
    columns: [
      contacts.lastContactedAt,
      contacts.bounceCount,
      contacts.spamReports,
      contacts.optedOut,
      contacts.optedOutReason,
    ],
  },
  {
    table: mailboxes,
    of: 'mailboxes',
    owner: mailboxes.id,
    columns: [mailboxes.bounceCount7d, mailboxes.spamReports7d, mailboxes.healthScore],
  },
  {
    table: applications,
    of: 'applications',
    owner: applications.id,
    columns: [applications.status, applications.replyStatus],
  },
  {
    table: users,
    of: 'users',
    owner: users.id,
    columns: [
      users.subscriptionTier,
      users.subscriptionStatus,
      users.creditsRemaining,
      users.currentPeriodEnd,
      users.cancelAtPeriodEnd,
      users.stripeSubscriptionId,
    ],
  },
  {
    table: subscriptions,
    of: 'users',
    owner: subscriptions.userId,
    columns: [subscriptions.status, subscriptions.priceId, subscriptions.currentPeriodEnd],
  },
]

/** A watched row as it is now. */
export interface WatchedRow {
  table: string
  id: string
  /** The row that an event is about: `outreach:12`. */
  about: string
  /** Its columns as JSON text, to be compared as it is. */
  state: string
}

const text = (value: string): SQL => sql.raw(`'${value}'`)

const rowsOf = ({ table, of, owner, columns }: Watched): SQL => sql`
  select ${text(getTableName(table))} as "table", ${table.id}::text as id, ${text(`${of}:`)} || ${owner} as about,
         json_build_object(${sql.join(
           columns.map((one) => sql`${text(columnName(one))}, ${one}`),
           sql`, `,
         )})::text as state
  from ${table} where ${owner} = any(${sql.placeholder(of)}::bigint[])`

/** All rows that belong to the given ones, each kind's ids as an array. */
const READ = statement<WatchedKind>('inbox_read_watched', sql.join(WATCHED.map(rowsOf), sql` union all `))

/** @param ids by kind. @returns the statement that reads the rows. */
export const readWatched = (ids: ReadonlyMap<WatchedKind, ReadonlySet<string>>) => {
  const of = (kind: WatchedKind) => plainArray([...(ids.get(kind) ?? [])])
  return READ({
    outreach: of('outreach'),
    contacts: of('contacts'),
    mailboxes: of('mailboxes'),
    applications: of('applications'),
    users: of('users'),
  })
}
